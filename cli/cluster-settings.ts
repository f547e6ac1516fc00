import type { Command } from 'commander';
import { KUBERNETES_VERSIONS } from '../syncer/configuration';
import type { Flags } from './command';
import { UsageFailure } from './failure';
import type { PlainSettings } from './settings-file';

/** What a flag may say, and the factory of the construct that it means. */
const EXPOSURES = { 'cluster-ip': 'clusterIP', 'node-port': 'nodePort', 'load-balancer': 'loadBalancer' } as const;
const ISOLATIONS = { trusted: 'trusted', baseline: 'baseline', restricted: 'restricted' } as const;
const NODES = { fake: 'fake', real: 'real', all: 'allNodes' } as const;
const SCHEDULERS = { host: 'host', virtual: 'virtual' } as const;

const list = (choices: object): string => Object.keys(choices).join(', ');

/** Adds the flags that say what a virtual cluster is, to a command whose flags go to `settingsFrom`. */
export function addClusterFlags(command: Command): void {
  command
    .option('-f, --file <file>', 'settings: TypeScript (vc.ts), YAML or JSON; flags win over it')
    .option('--kubernetes-version <version>', 'such as 1.37 or 1.37.2; else the newest')
    .option('--replicas <number>', 'replicas of the control plane, 1 or 3; else 1')
    .option('--expose <how>', `how its API is reached from outside: ${list(EXPOSURES)}; else cluster-ip`)
    .option('--isolation <level>', `how far tenants are kept apart: ${list(ISOLATIONS)}; else baseline`)
    .option('--store-size <size>', 'size of the volume of its store, such as 10Gi')
    .option('--storage-class <name>', "StorageClass of that volume; else the host's default")
    .option('--ephemeral', 'no volume: all is lost with its pod')
    .option('--nodes <which>', `which nodes tenants see: ${list(NODES)}; else fake`)
    .option('--scheduler <whose>', `who places pods on nodes: ${list(SCHEDULERS)}; else host`)
    .option('--image-mirror <prefix>', 'registry and path in front of all images, such as registry.example.com/mirror');
}

/**
 * The settings that a command line gives: those of its file, changed by its flags.
 *
 * @param base settings to begin with where there is no file
 * @throws UsageFailure naming the flag, its value and what could stand there; Failure for what is wrong with the file
 */
export async function settingsFrom(flags: Flags, base: PlainSettings = {}): Promise<PlainSettings> {
  const changes = changesOf(flags);
  const file = flags['file'] === undefined ? undefined : String(flags['file']);
  // Half a second of cdk8s, which commands that make nothing do without.
  const { propsFromPlain, readSettings } = await import('./settings-file/index.js');
  const begun = file === undefined ? base : await readSettings(file);
  const settings = changes.reduce<PlainSettings>((all, change) => change(all), begun);
  // Of the file alone it is told already: what is wrong now, flags have made so.
  propsFromPlain(settings, 'what the flags say');
  return settings;
}

/** Whether a command line says anything of what a virtual cluster is. */
export function givesSettings(flags: Flags): boolean {
  return flags['file'] !== undefined || changesOf(flags).length > 0;
}

type Change = (settings: PlainSettings) => PlainSettings;

function changesOf(flags: Flags): readonly Change[] {
  const text = (name: string): string | undefined => (flags[name] === undefined ? undefined : String(flags[name]));
  const changes: Change[] = [];
  const when = (value: string | undefined, change: (value: string) => Change): void => {
    if (value !== undefined) changes.push(change(value));
  };
  when(text('kubernetesVersion'), (value) => set('version', kubernetesVersion(value)));
  when(text('replicas'), (value) => set('replicas', choice('--replicas', value, { '1': 1, '3': 3 })));
  when(text('expose'), (value) => toType('exposure', choice('--expose', value, EXPOSURES)));
  // All levels have the same settings, which stay.
  when(text('isolation'), (value) => setFields('isolation', { type: choice('--isolation', value, ISOLATIONS) }));
  const storageClassName = text('storageClass');
  if (flags['ephemeral'] === true) {
    if (storageClassName !== undefined) {
      throw new UsageFailure(
        '--storage-class is for a store with a volume, and --ephemeral for one without: leave one of them out',
      );
    }
    changes.push(toType('store', 'ephemeral'));
  }
  when(text('storeSize'), (value) => setFields('store', { size: storeSize(value) }, 'persistent'));
  when(storageClassName, (value) => setFields('store', { storageClassName: value }, 'persistent'));
  when(text('nodes'), (value) => {
    const nodes = choice('--nodes', value, NODES);
    return (settings) => {
      const sync = mapOf(settings['sync']);
      return { ...settings, sync: { ...sync, fromHost: { ...mapOf(sync['fromHost']), nodes } } };
    };
  });
  when(text('scheduler'), (value) => set('scheduler', choice('--scheduler', value, SCHEDULERS)));
  when(text('imageMirror'), (value) => setFields('images', { type: 'mirror', prefix: value }));
  return changes;
}

/** Sets a property. */
function set(property: string, value: unknown): Change {
  return (settings) => ({ ...settings, [property]: value });
}

/** Sets single fields of a property. @param type what it is where nothing was said of it */
function setFields(property: string, fields: PlainSettings, type?: string): Change {
  return (settings) => {
    const before = settings[property] ?? (type === undefined ? {} : { type });
    return { ...settings, [property]: { ...mapOf(before), ...fields } };
  };
}

/** Makes a property come from another factory, whose settings are others. */
function toType(property: string, type: string): Change {
  return (settings) => (mapOf(settings[property])['type'] === type ? settings : { ...settings, [property]: type });
}

/** A factory's name alone is short for a map. */
function mapOf(value: unknown): PlainSettings {
  return typeof value === 'string' ? { type: value } : ((value ?? {}) as PlainSettings);
}

function choice<T>(flag: string, value: string, allowed: Readonly<Record<string, T>>): T {
  const found = Object.entries(allowed).find(([name]) => name === value);
  if (found === undefined) {
    throw new UsageFailure(`${flag} ${value} is not known: write ${Object.keys(allowed).join(' or ')}`);
  }
  return found[1];
}

/** @throws UsageFailure for one that this release does not run */
export function kubernetesVersion(value: string): string {
  const wanted = value.replace(/^v/, '');
  const found = KUBERNETES_VERSIONS.find((version) => version === wanted || version.startsWith(`${wanted}.`));
  if (found !== undefined) return found;
  throw new UsageFailure(
    `--kubernetes-version ${value} is not supported: choose one of ${KUBERNETES_VERSIONS.join(', ')}`,
  );
}

/** @throws UsageFailure for another notation */
function storeSize(size: string): string {
  if (/^[1-9]\d*(Mi|Gi|Ti)$/.test(size)) return size;
  throw new UsageFailure(`--store-size ${size} is no size: write a whole number and Mi, Gi or Ti, such as 10Gi`);
}
