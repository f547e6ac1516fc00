import type { CommandModule } from './command';

/** A command, and where its code is. */
export interface CommandEntry {
  /** One line for `--help`. */
  readonly summary: string;
  /** Not in `--help`: what the program calls itself. */
  readonly hidden?: boolean;
  load(): Promise<CommandModule>;
}

/** All commands in the order of `--help`. A file is loaded only when its command is called. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  create: { summary: 'make a virtual cluster, and wait until it answers', load: () => import('./commands/create.js') },
  connect: {
    summary: 'switch to a virtual cluster, or run a command in it',
    load: () => import('./commands/connect.js'),
  },
  disconnect: { summary: 'switch back to where you were', load: () => import('./commands/disconnect.js') },
  list: { summary: 'list virtual clusters', load: () => import('./commands/list.js') },
  describe: {
    summary: 'show what a virtual cluster consists of, and how it is',
    load: () => import('./commands/describe.js'),
  },
  delete: { summary: 'delete a virtual cluster with all that is in it', load: () => import('./commands/delete.js') },
  pause: { summary: 'put a virtual cluster to sleep, and keep its data', load: () => import('./commands/pause.js') },
  resume: { summary: 'wake a virtual cluster', load: () => import('./commands/resume.js') },
  logs: { summary: 'print what its control plane writes', load: () => import('./commands/logs.js') },
  diff: {
    summary: 'show where the host differs from what settings say',
    load: () => import('./commands/diff.js'),
  },
  upgrade: {
    summary: 'bring a virtual cluster to another version or to other settings, with a plan first',
    load: () => import('./commands/upgrade.js'),
  },
  explain: {
    summary: "show what tenants' manifests become on the host, or why not",
    load: () => import('./commands/explain.js'),
  },
  rights: { summary: 'list what a virtual cluster may do on the host', load: () => import('./commands/rights.js') },
  synth: { summary: 'write the manifests of a virtual cluster, for GitOps', load: () => import('./commands/synth.js') },
  certs: {
    summary: 'show the certificates of a virtual cluster, and when they end',
    load: () => import('./commands/certs.js'),
  },
  completion: {
    summary: 'print a script that completes commands in your shell',
    load: () => import('./commands/completion.js'),
  },
  forward: {
    summary: 'forward a port to a virtual cluster: connect starts it',
    hidden: true,
    load: () => import('./commands/forward.js'),
  },
};
