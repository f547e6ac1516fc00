/** The plugin's program: Pulumi's engine starts it and reads the port that it listens on. */
import { serve } from './server';
import { VERSION } from './version';

void serve(VERSION).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
