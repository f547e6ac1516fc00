import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from '@pulumi/pulumi/automation';
import { cacheDirectory } from '../../images/cache';
import { findProgram, resolveBinaries, type Log } from '../host-cluster';
import { versionDirectory } from '../host-cluster/binaries';
import { BINARIES } from '../host-cluster/versions';
import { installKubernetesPlugin, installNestlingPlugin } from './install';

/** The version of the engine that is built has no newer SDK's number, and speaks to it all the same. */
const NO_VERSION_CHECK = true;

/**
 * Why there can be no engine here; undefined where there is one on the PATH, one that was built before, or Go to build one, which takes
 * some ten minutes.
 */
export function noEngine(): string | undefined {
  const known = findProgram('pulumi') ?? findProgram('go') ?? (existsSync(built()) ? built() : undefined);
  return known === undefined ? 'there is no program pulumi on the PATH, and no Go to build it' : undefined;
}

function built(): string {
  return join(versionDirectory(BINARIES.pulumi, cacheDirectory()), 'pulumi');
}

/** A real engine with a state of its own in a folder that goes with it, and the kubernetes plugin of this folder. */
export class Engine {
  /** @throws HostClusterError where none can be had */
  static async start(log: Log): Promise<Engine> {
    const program = findProgram('pulumi') ?? (await resolveBinaries(['pulumi'], log)).pulumi;
    const home = mkdtempSync(join(tmpdir(), 'nestling-pulumi-'));
    try {
      for (const folder of ['bin', 'state']) mkdirSync(join(home, folder));
      symlinkSync(program, join(home, 'bin', 'pulumi'));
      await installKubernetesPlugin(program, home);
      await installNestlingPlugin(program, home);
      return await Engine.at(home);
    } catch (error) {
      rmSync(home, { recursive: true, force: true });
      throw error;
    }
  }

  /** An engine that another process has started. */
  static async at(home: string): Promise<Engine> {
    return new Engine(await PulumiCommand.get({ root: home, skipVersionCheck: NO_VERSION_CHECK }), home);
  }

  private constructor(
    private readonly command: PulumiCommand,
    readonly home: string,
  ) {}

  /** A stack of project `test`, whose program is the function. */
  stack(name: string, program: PulumiFn): Promise<Stack> {
    return LocalWorkspace.createOrSelectStack(
      { stackName: name, projectName: 'test', program },
      {
        pulumiCommand: this.command,
        pulumiHome: this.home,
        envVars: {
          PULUMI_BACKEND_URL: `file://${join(this.home, 'state')}`,
          PULUMI_CONFIG_PASSPHRASE: 'of a test',
          PULUMI_SKIP_UPDATE_CHECK: 'true',
        },
      },
    );
  }

  /** All that the engine has written of its stacks: states, earlier ones, and history. */
  stored(): string {
    const folder = join(this.home, 'state');
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');
  }

  /** Removes the state and the plugin. */
  stop(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
