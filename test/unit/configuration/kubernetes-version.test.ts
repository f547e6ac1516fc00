import {
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
