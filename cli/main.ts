import * as module from 'node:module';

// Node.js 22 and newer keep compiled code: the second start is faster. Types of older ones do not know it.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

void import('./program.js').then(async ({ runProgram }) => {
  process.exitCode = await runProgram(process.argv.slice(2));
});
