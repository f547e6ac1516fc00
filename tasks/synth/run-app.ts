import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { AnyObject } from '../../syncer/kube-client';

/** An app that could not be synthesized; what is wrong with it has been printed already. */
export class SynthesisError extends Error {
  override readonly name = 'SynthesisError';
}

/** How to run an app. */
export interface RunAppOptions {
  /** The shell command of the app, as in cdk8s.yaml. */
  readonly command: string;
  /** Ends the app when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Synthesizes a cdk8s app and copies its manifests into a folder, replacing those of an earlier run. Nothing is written
 * when it fails; the app has then printed one `error:` with every problem.
 *
 * @returns the names of the files, sorted
 * @throws SynthesisError
 */
export async function synthesizeInto(directory: string, options: RunAppOptions): Promise<string[]> {
  return inTemporaryFolder(options, (from, files) => {
    if (existsSync(directory)) {
      for (const file of manifestsIn(directory)) rmSync(join(directory, file));
    }
    cpSync(from, directory, { recursive: true });
    return files;
  });
}

/**
 * Synthesizes a cdk8s app; gives the objects of all its charts.
 *
 * @throws SynthesisError when the app fails, having printed why
 */
export async function synthesizedObjects(options: RunAppOptions): Promise<AnyObject[]> {
  return inTemporaryFolder(options, (directory, files) =>
    files
      .flatMap((file) => parseAllDocuments(readFileSync(join(directory, file), 'utf8')))
      .map((document) => document.toJS() as AnyObject | null)
      .filter((object) => object !== null),
  );
}

/** Also in folders: an app may write one for each chart. */
const manifestsIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.k8s.yaml'));

async function inTemporaryFolder<T>(
  { command, signal }: RunAppOptions,
  use: (directory: string, files: string[]) => T,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nestling-synth-'));
  try {
    const plainErrors = pathToFileURL(join(__dirname, 'plain-errors.mjs')).href;
    const child = spawn(command, {
      shell: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        CDK8S_OUTDIR: directory,
        NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${plainErrors}`.trim(),
      },
      ...(signal && { signal }),
    });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) {
      // Node.js ends with 1 after it told why.
      if (code !== 1)
        process.stderr.write(
          `error: the app ended with ${code === null ? 'a signal' : `exit code ${code}`}: ${command}; see what it prints\n`,
        );
      throw new SynthesisError(command);
    }
    const files = manifestsIn(directory).sort();
    if (files.length === 0) {
      process.stderr.write(
        `error: the app wrote no manifest: ${command}; see that it has a chart and calls app.synth()\n`,
      );
      throw new SynthesisError(command);
    }
    return use(directory, files);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
