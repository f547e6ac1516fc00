import { KUBERNETES_MINOR, KUBERNETES_MINORS } from '../host-cluster';
import type { KubernetesMinor } from '../host-cluster';

/** Minors of Kubernetes that a run tests the syncer between. */
export interface TestedVersions {
  readonly host: KubernetesMinor;
  readonly virtual: KubernetesMinor;
}

/**
 * What the variable NESTLING_TEST_VERSIONS asks for: `host=1.35,virtual=1.37`.
 *
 * @returns the default minor for a side that it does not name
 * @throws Error when it names another side, or a minor that cannot be had
 */
export function testedVersions(text = process.env['NESTLING_TEST_VERSIONS'] ?? ''): TestedVersions {
  const versions = { host: KUBERNETES_MINOR, virtual: KUBERNETES_MINOR };
  for (const part of text.split(',').filter((each) => each !== '')) {
    const [side = '', minor = ''] = part.split('=');
    if ((side !== 'host' && side !== 'virtual') || !Object.hasOwn(KUBERNETES_MINORS, minor)) {
      const minors = Object.keys(KUBERNETES_MINORS).join(', ');
      throw new Error(
        `NESTLING_TEST_VERSIONS has "${part}"; write host=MINOR,virtual=MINOR with the minors ${minors}, or unset it`,
      );
    }
    versions[side] = minor as KubernetesMinor;
  }
  return versions;
}
