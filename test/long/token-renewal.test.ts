import type { AnyObject } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from '../e2e/tenant';
import { useVirtualCluster } from '../e2e/virtual-cluster';

/** The shortest that the API allows (TokenRequestSpec.expirationSeconds). */
const LIFETIME_SECONDS = 600;
/** A kubelet looks at mounted Secrets about every minute and a half at the latest, whatever tells it earlier. */
const KUBELET_SECONDS = 120;
const TOKEN_REVIEWS = {
  group: 'authentication.k8s.io',
  version: 'v1',
  resource: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

const cluster = useVirtualCluster('tokens');
const tenant = new Tenant(cluster, 'shop');

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
}

const claimsOf = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;

const read = (): Promise<string> => tenant.run('renewed', 'cat', '/tokens/token');

/** Whether the virtual cluster takes a token, as a service that is called with it would ask. */
async function isTaken(token: string): Promise<boolean> {
  const review = await cluster.current.virtual.create<AnyObject>(TOKEN_REVIEWS, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: ['vault'] },
  });
  return (review.status as { authenticated?: boolean }).authenticated === true;
}

test('a token with the shortest lifetime the API allows is renewed under a running pod’s eyes, before it ends', async () => {
  await tenant.prepare();
  await tenant.createPod('renewed', {
    containers: [idle('main', { volumeMounts: [{ name: 'tokens', mountPath: '/tokens' }] })],
    volumes: [
      {
        name: 'tokens',
        projected: {
          sources: [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: LIFETIME_SECONDS } }],
        },
      },
    ],
  });
  await tenant.phase('renewed', 'Running', 120);
  const first = await read();
  const before = claimsOf(first);
  expect(before.aud).toEqual(['vault']);
  expect(before.exp - before.iat).toBe(LIFETIME_SECONDS);
  expect(await isTaken(first)).toBe(true);

  const second = await eventually(
    'the mounted file holds another token',
    async () => {
      const now = await read();
      return now !== first && now;
    },
    LIFETIME_SECONDS + KUBELET_SECONDS,
  );
  const after = claimsOf(second);
  expect(after.jti).not.toBe(before.jti);
  expect(after.aud).toEqual(['vault']);
  // Issued while the first one was valid: no moment was without a good one on the host.
  expect(after.iat).toBeLessThan(before.exp);
  expect(await isTaken(second)).toBe(true);

  await eventually(
    'the first token has ended',
    async () => !(await isTaken(first)),
    before.exp - Date.now() / 1000 + KUBELET_SECONDS,
  );
  expect(await isTaken(await read())).toBe(true);
});
