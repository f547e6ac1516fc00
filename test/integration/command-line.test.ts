import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONFIGURATION_FILE } from '../../syncer/configuration';
import { configurationJsonSchema, resolveConfiguration } from '../../syncer/configuration/document';
import { configurationFields } from '../../syncer/configuration/fields';
import { runCommand } from '../run-command';
import type { CommandResult } from '../run-command';

const DOCUMENT = {
  apiVersion: 'nestling.dev/v1alpha1',
  kind: 'SyncerConfiguration',
  virtualCluster: { name: 'my-vc1' },
  dns: { replicas: 2 },
};

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nestling-command-line-'));
  file = join(directory, 'configuration.yaml');
  writeFileSync(file, JSON.stringify(DOCUMENT));
  mkdirSync(join(directory, 'syncer'));
  writeFileSync(join(directory, 'syncer', CONFIGURATION_FILE), JSON.stringify(resolveConfiguration(DOCUMENT)));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The syncer as its image starts it, but from its sources. */
const syncer = (...args: string[]): Promise<CommandResult> =>
  runCommand([process.execPath, '--import', 'tsx', 'syncer/main.ts', ...args]);

test.each(['init', 'run'])('%s --help lists every setting as a flag', async (command) => {
  const { exitCode, stdout, stderr } = await syncer(command, '--help');
  expect([exitCode, stderr]).toEqual([0, '']);
  for (const { flag } of configurationFields(configurationJsonSchema())) expect(stdout).toContain(`    --${flag}`);
});

test('flags win over the document, and what comes out can be printed', async () => {
  const shown = await syncer('init', '--configuration', file, '--dns-enabled=false', '--print-configuration');
  expect([shown.exitCode, shown.stderr]).toEqual([0, '']);
  expect(parse(shown.stdout)).toEqual(resolveConfiguration({ ...DOCUMENT, dns: { replicas: 2, enabled: false } }));
  const schema = await syncer('--print-schema');
  expect(JSON.parse(schema.stdout)).toEqual(JSON.parse(JSON.stringify(configurationJsonSchema())));
});

test('run goes on from what init left, and refuses what keys and files were not made for', async () => {
  const run = (...flags: string[]) => syncer('run', '--directory', directory, '--print-configuration', ...flags);
  const shown = await run('--logging-level', 'debug');
  expect([shown.exitCode, shown.stderr]).toEqual([0, '']);
  expect(parse(shown.stdout)).toEqual(resolveConfiguration({ ...DOCUMENT, logging: { level: 'debug' } }));
  const refused = await run('--virtual-cluster-cluster-domain', 'other.example');
  expect([refused.exitCode, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toBe(
    'error: The configuration cannot be used:\n  virtualCluster.clusterDomain: "other.example": is not what keys and files ' +
      'were made for ("cluster.local"): give that, or run init again\n',
  );
});

test.each([
  [
    ['init', '--dns-replica', '3'],
    2,
    'error: unknown flag --dns-replica: did you mean --dns-replicas? (--help lists all flags)\n',
  ],
  [['init', '--dns-replicas'], 2, 'error: --dns-replicas needs a value: write --dns-replicas=VALUE\n'],
  [['begin'], 2, 'error: unknown command "begin": give init, run, pause or resume (--help lists all flags)\n'],
  [['run'], 2, 'error: --directory is missing (--help lists all flags)\n'],
  [
    [
      'init',
      '--directory',
      '/nowhere',
      '--virtual-cluster-name',
      'a',
      '--dns-replicas',
      '0',
      '--host-workload-service-account',
      'A',
    ],
    1,
    'error: The configuration cannot be used:\n' +
      '  host.workloadServiceAccount: "A": is no DNS name: use labels of lower-case letters, digits and dashes, at most 63 characters each, joined by dots\n' +
      '  dns.replicas: 0: must be at least 1; to have no DNS server, set dns.enabled to false\n',
  ],
  [
    ['init', '--directory', '/nowhere', '--virtual-cluster-name', 'a', '--host-workload-service-account', 'a'],
    1,
    'error: The configuration cannot be used:\n' +
      '  host.workloadServiceAccount: "a": is the account of the control plane, whose rights tenants\' pods must not have: give another one, such as a-workloads\n',
  ],
] as const)('%j does not start', async (args, exitCode, stderr) => {
  expect(await syncer(...args)).toEqual({ exitCode, stdout: '', stderr });
});
