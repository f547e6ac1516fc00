import {
  hostVersionProblem,
  KUBERNETES_PAIRS,
  KUBERNETES_VERSIONS,
  kubernetesVersionProblem,
  rollingUpgradeProblem,
  serviceWebhookWay,
  upgradeProblem,
} from '../../../syncer/configuration';
import { KUBERNETES_MINORS } from '../../host-cluster';

test('the versions that a virtual cluster can run are those that the tests run, oldest first', () => {
  expect(KUBERNETES_VERSIONS.map((version) => `v${version}`)).toEqual(Object.values(KUBERNETES_MINORS));
});

test.each(['1.34.0', '1.37', 'v1.37.2', '1.37.20', '', '__proto__'])('"%s" is none of them', (version) => {
  expect(kubernetesVersionProblem(version)).toBe(
    'is not a version that this release runs: choose one of 1.35.4, 1.36.3, 1.37.2',
  );
});

test('the Service webhook is an object in 1.35, a file behind a feature gate in 1.36, a file from 1.37 on', () => {
  expect(['1.35.4', '1.36.3', '1.37.2', '1.38.0'].map(serviceWebhookWay)).toEqual([
    'object',
    'gatedManifest',
    'manifest',
    'manifest',
  ]);
});

describe('a host', () => {
  test('of each minor and a virtual cluster of each minor is a pair that the tests of versions run', () => {
    const minors = Object.keys(KUBERNETES_MINORS);
    const pairs = KUBERNETES_PAIRS.map(({ host, virtual }) => `${host} ${virtual}`).sort();
    expect(pairs).toEqual(minors.flatMap((host) => minors.map((virtual) => `${host} ${virtual}`)).sort());
  });

  const pairs = [
    { host: '1.36', virtual: '1.37' },
    { host: '1.37', virtual: '1.37' },
    { host: '1.36', virtual: '1.36' },
  ];

  test.each([
    ['1.36', '1.37.2'],
    ['v1.36.4+k3s1', '1.36.3'],
    ['1.37.0-gke.100', '1.37.2'],
  ])('of %s may have virtual clusters of %s, which were tested', (host, version) => {
    expect(hostVersionProblem(host, version, pairs)).toBeUndefined();
  });

  test.each([
    [
      '1.37',
      '1.36.3',
      'is no host that virtual clusters of 1.36 are tested on: set version to one of 1.37, or use a host of 1.36, or leave this out to go without the test',
    ],
    [
      '1.38.1',
      '1.37.2',
      'is no host that virtual clusters of 1.37 are tested on: use a host of 1.36, 1.37, or leave this out to go without the test',
    ],
    ['newest', '1.37.2', 'is no version of Kubernetes: write its minor, such as 1.37'],
    ['2.37', '1.37.2', expect.stringContaining('is no host that virtual clusters of 1.37 are tested on') as string],
  ])('of %s may not have virtual clusters of %s, which were not', (host, version, problem) => {
    expect(hostVersionProblem(host, version, pairs)).toEqual(problem);
  });
});

describe('an upgrade', () => {
  test.each([
    ['1.35.4', '1.35.4'],
    ['1.35.4', '1.36.3'],
    ['1.36.3', '1.37.2'],
    ['1.37.9', '1.37.2'],
    ['1.37.2', '1.37.9'],
  ])('from %s to %s is none or a single minor', (stored, wanted) => {
    expect(upgradeProblem(stored, wanted)).toBeUndefined();
  });

  test('that skips minors is refused with the way that goes', () => {
    expect(upgradeProblem('1.35.4', '1.37.2')).toBe(
      'skips minors after 1.35.4, which has run here: go up one minor at a time: first to 1.36.3, then to 1.37.2',
    );
  });

  test('from a version of an earlier release says where the versions between are to be had', () => {
    expect(upgradeProblem('1.33.1', '1.35.4')).toBe(
      'skips minors after 1.33.1, which has run here: go up one minor at a time, the missing ones with an earlier release of Nestling',
    );
  });

  test('down is refused', () => {
    expect(upgradeProblem('1.37.2', '1.36.3')).toMatch(
      /^is older than 1\.37\.2, which has run here: .*set version to 1\.37\.2/,
    );
  });
});

test('with three replicas, from 1.35 to 1.36 it goes by way of one; all other steps are taken one replica after the other', () => {
  expect(rollingUpgradeProblem('1.35.4', '1.36.3', 3)).toBe(
    'cannot follow 1.35.4 with 3 replicas: set replicas to 1, then version to 1.36.3, then replicas to 3 again',
  );
  expect(rollingUpgradeProblem('1.35.4', '1.36.3', 1)).toBeUndefined();
  expect(rollingUpgradeProblem('1.35.4', '1.35.4', 3)).toBeUndefined();
  expect(rollingUpgradeProblem('1.36.3', '1.37.2', 3)).toBeUndefined();
});
