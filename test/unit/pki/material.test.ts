import { X509Certificate } from 'node:crypto';
import { parseConfiguration, resolveConfiguration } from '../../../syncer/configuration/document';
import { createAuthority, Issuer } from '../../../syncer/pki/certificate';
import { Material } from '../../../syncer/pki/material';
import { apiServerLeaf, AUTHORITIES, SHARED_LEAFS, sharedLeafs } from '../../../syncer/pki/plan';
import { dueAt, LIFETIMES, lifetimesOf, validityFrom, whyIssue } from '../../../syncer/pki/renewal';

const day = 86_400_000;
const start = new Date('2030-01-01T00:00:00Z');
const after = (days: number) => new Date(start.getTime() + days * day);

function made(): Map<string, string> {
  const material = new Material(new Map());
  material.complete(start);
  return new Map(material.changes);
}

/** What is made when a Secret with these contents is completed. */
function changesOf(stored: Map<string, string>, now: Date): string[] {
  const material = new Material(stored);
  material.complete(now);
  return [...material.changes.keys()].sort();
}

describe('keys and certificates of a cluster', () => {
  const fresh = made();

  test('an empty Secret gets everything, signed by the right authority', () => {
    expect([...fresh.keys()].sort()).toEqual(
      [
        ...[...AUTHORITIES, ...SHARED_LEAFS.map(({ name }) => name)].flatMap((name) => [`${name}.crt`, `${name}.key`]),
        'admission-path',
        'sa.key',
        'sa.pub',
      ].sort(),
    );
    for (const { name, authority } of SHARED_LEAFS) {
      const signer = new X509Certificate(fresh.get(`${authority}.crt`)!);
      expect(new X509Certificate(fresh.get(`${name}.crt`)!).verify(signer.publicKey)).toBe(true);
    }
    expect(fresh.get('admission-path')).toMatch(/^[0-9a-f]{48}$/);
  });

  test('members of a store have a certificate that names all of them, as servers and as clients; one alone has none', () => {
    const of = (replicas: number, embedded = true) =>
      sharedLeafs(
        resolveConfiguration({
          apiVersion: 'nestling.dev/v1alpha1',
          kind: 'SyncerConfiguration',
          virtualCluster: { name: 'my-vc1', replicas },
          store: { embedded },
        }),
        'team-a',
      );
    expect(of(1)).toEqual(SHARED_LEAFS);
    expect(of(3, false).map(({ name }) => name)).toEqual(SHARED_LEAFS.map(({ name }) => name));
    const material = new Material(fresh);
    material.complete(start, undefined, of(3));
    expect([...material.changes.keys()].sort()).toEqual(['etcd-peer.crt', 'etcd-peer.key']);
    const peer = new X509Certificate(material.get('etcd-peer.crt'));
    expect(peer.subject).toBe('CN=etcd-peer');
    expect(peer.verify(new X509Certificate(fresh.get('etcd-ca.crt')!).publicKey)).toBe(true);
    expect(peer.subjectAltName).toBe(
      [0, 1, 2].map((ordinal) => `DNS:my-vc1-${ordinal}.my-vc1-store.team-a.svc`).join(', '),
    );
  });

  test('two clusters share no secret', () => {
    const other = made();
    expect([...fresh].filter(([key, value]) => other.get(key) === value)).toEqual([]);
  });

  test('a complete Secret stays as it is', () => {
    expect(changesOf(fresh, after(1))).toEqual([]);
  });

  test('leafs are renewed in their last 90 days, authorities and keys of tokens stay', () => {
    expect(changesOf(fresh, after(274))).toEqual([]);
    // All but the one that lives as long as its authority.
    const due = SHARED_LEAFS.filter(({ name }) => name !== 'kubelet-client');
    const leafs = due.flatMap(({ name }) => [`${name}.crt`, `${name}.key`]).sort();
    expect(changesOf(fresh, after(276))).toEqual(leafs);
    expect(changesOf(fresh, after(3000))).toEqual(leafs);
  });

  test('no leaf outlives its authority', () => {
    const material = new Material(fresh);
    material.complete(after(3600));
    const end = (name: string) => new X509Certificate(material.get(`${name}.crt`)).validToDate.getTime();
    expect(end('admin')).toBe(end('ca'));
  });

  test.each(['admin.key', 'admin.crt'])('without %s the pair is made anew', (key) => {
    const stored = new Map(fresh);
    stored.delete(key);
    expect(changesOf(stored, start)).toEqual(['admin.crt', 'admin.key']);
  });

  test.each([
    ['text', 'nonsense'],
    ['another leaf', fresh.get('syncer.crt')!],
    ['the certificate of another cluster', made().get('admin.crt')!],
  ])('with %s in place of a certificate the pair is made anew', (_, value) => {
    expect(changesOf(new Map(fresh).set('admin.crt', value), start)).toEqual(['admin.crt', 'admin.key']);
  });

  test('a lost public key of tokens comes from the private one', () => {
    const stored = new Map(fresh);
    stored.delete('sa.pub');
    const material = new Material(stored);
    material.complete(start);
    expect([...material.changes]).toEqual([['sa.pub', fresh.get('sa.pub')]]);
  });

  test.each([
    ['ca.key', 'Secret key ca.key is missing while ca.crt is there; restore ca.key from a backup, or delete ca.crt'],
    ['ca.crt', 'Secret key ca.crt is missing while ca.key is there'],
    ['sa.key', 'Secret key sa.key is missing while sa.pub is there'],
  ])('half of what everybody trusts is an error: no %s', (key, message) => {
    const stored = new Map(fresh);
    stored.delete(key);
    expect(() => changesOf(stored, start)).toThrow(message);
  });

  test('so is an authority that cannot be read, has the key of another, or has ended', () => {
    expect(() => changesOf(new Map(fresh).set('etcd-ca.crt', 'x'), start)).toThrow(
      'Secret keys etcd-ca.crt and etcd-ca.key: ',
    );
    expect(() => changesOf(new Map(fresh).set('etcd-ca.key', fresh.get('ca.key')!), start)).toThrow(
      'its key is of another certificate',
    );
    expect(() => changesOf(fresh, after(3651))).toThrow('Secret key ca.crt: the authority ended on 2039-12-30');
  });

  test('keys of the Secret that look like object members are values like others', () => {
    const stored = new Map(fresh).set('__proto__', 'x').set('constructor', 'y');
    expect(changesOf(stored, start)).toEqual([]);
  });
});

describe('when a leaf is due', () => {
  const authority = createAuthority('a', validityFrom(start, 3650 * day));
  const signer = new X509Certificate(authority.certificate);
  const request = {
    commonName: 'x',
    dnsNames: ['a.b'],
    addresses: ['10.0.0.1', 'fd00::1'],
    usages: ['server'] as const,
  };
  const pair = new Issuer(authority).issue(request, validityFrom(start, 365 * day));

  test('names and addresses more than asked for do not matter, fewer do', () => {
    const why = (change: object) => whyIssue(pair, { ...request, ...change }, signer, start);
    expect(why({})).toBeUndefined();
    expect(why({ dnsNames: [], addresses: ['FD00:0::1'] })).toBeUndefined();
    expect(why({ dnsNames: ['a.b', 'b'] })).toBe('does not name b');
    expect(why({ addresses: ['10.0.0.2'] })).toBe('does not name 10.0.0.2');
    expect(why({ usages: ['client'] })).toBe('issued for another use');
    expect(why({ commonName: 'y' })).toBe('issued to CN=x');
    expect(why({ organizations: ['system:masters'] })).toBe('issued to CN=x');
  });

  test('the time is told beforehand, for those who renew while running', () => {
    expect(dueAt(pair.certificate)).toEqual(after(275));
    expect(whyIssue(pair, request, signer, after(274.9))).toBeUndefined();
    expect(whyIssue(pair, request, signer, after(275))).toBe('valid until 2031-01-01T00:00:00.000Z');
    const short = { ...LIFETIMES, renewBeforeMs: day };
    expect(dueAt(pair.certificate, short)).toEqual(after(364));
    expect(whyIssue(pair, request, signer, after(300), short)).toBeUndefined();
  });

  test('a short life is renewed in its last quarter', () => {
    expect(lifetimesOf(365 * day)).toEqual(LIFETIMES);
    expect(lifetimesOf(4 * day)).toMatchObject({ leafMs: 4 * day, renewBeforeMs: day });
  });

  test('what ends with its authority is not due, as it would live no longer if it were new', () => {
    const last = new Issuer(authority).issue(request, validityFrom(after(3600), 365 * day, signer.validToDate));
    expect(whyIssue(last, request, signer, after(3649))).toBeUndefined();
    expect(whyIssue(last, { ...request, dnsNames: ['b'] }, signer, after(3649))).toBe('does not name b');
  });

  test('the API server as a client of kubelets keeps its certificate for as long as its authority lives', () => {
    const material = new Material(new Map());
    material.complete(start, lifetimesOf(120_000));
    const end = (key: string) => new X509Certificate(material.get(key)).validToDate;
    expect(end('kubelet-client.crt')).toEqual(end('kubelet-client-ca.crt'));
    expect(end('controller-manager.crt')).toEqual(new Date(start.getTime() + 3_600_000));
    expect(end('admin.crt')).toEqual(new Date(start.getTime() + 120_000));
  });
});

test('the store’s certificate is renewed where etcd is in the pod, and lives as long as its authority where kine is', () => {
  const endOf = (embedded: boolean): { readonly server: Date; readonly authority: Date } => {
    const configuration = resolveConfiguration({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc1' },
      store: { embedded },
    });
    const material = new Material(new Map());
    material.complete(start, lifetimesOf(120_000), sharedLeafs(configuration, 'team-a'));
    const end = (key: string): Date => new X509Certificate(material.get(key)).validToDate;
    // Its clients' is read again, there and here.
    expect(end('etcd-client.crt')).toEqual(new Date(start.getTime() + 120_000));
    return { server: end('etcd-server.crt'), authority: end('etcd-ca.crt') };
  };
  expect(endOf(true).server).toEqual(new Date(start.getTime() + 120_000));
  const { server, authority } = endOf(false);
  expect(server).toEqual(authority);
});

test('names of the API server', () => {
  const configuration = parseConfiguration(
    JSON.stringify({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc1', clusterDomain: 'vc.example' },
      apiServer: { extraNames: ['api.example.com', '203.0.113.7', '2001:db8::7'] },
    }),
  );
  const place = { configuration, namespace: 'team-a', serviceIPs: ['10.96.0.5', 'fd00::5'], podIPs: ['10.1.0.3'] };
  expect(apiServerLeaf(place).request).toEqual({
    commonName: 'kube-apiserver',
    dnsNames: [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.vc.example',
      'my-vc1',
      'my-vc1.team-a',
      'my-vc1.team-a.svc',
      'my-vc1.team-a.svc.cluster.local',
      'localhost',
      'api.example.com',
    ],
    addresses: ['127.0.0.1', '::1', '10.96.0.5', 'fd00::5', '10.1.0.3', '203.0.113.7', '2001:db8::7'],
    usages: ['server'],
  });
});
