import { certificateReport } from '../../../cli/certificate-report';
import { createAuthority, Issuer } from '../../../syncer/pki';

const DAY_MS = 86_400_000;
const START = new Date('2026-01-01T00:00:00Z');
const after = (days: number): Date => new Date(START.getTime() + days * DAY_MS);

const authorityEnd = after(3650);
const ca = createAuthority('the authority', { notBefore: START, notAfter: authorityEnd });
const issuer = new Issuer(ca);
const server = issuer.issue(
  { commonName: 'kube-apiserver', dnsNames: ['my-vc1.team-a.svc'], addresses: ['10.0.0.1'], usages: ['server'] },
  { notBefore: START, notAfter: after(400) },
);
const asLong = issuer.issue(
  { commonName: 'kubelet-client', usages: ['client'] },
  { notBefore: START, notAfter: authorityEnd },
);
const values = new Map([
  ['apiserver.crt', server.certificate],
  ['apiserver.key', server.key],
  ['kubelet-client.crt', asLong.certificate],
  ['ca.crt', ca.certificate],
  ['ca.key', ca.key],
  ['version', '1.37.2'],
]);

test('certificates are told with what they are for, their end and their renewal, and keys are not', () => {
  const report = certificateReport(values, after(10));
  expect(report).toEqual([
    {
      name: 'ca',
      authority: true,
      subject: 'CN=the authority',
      names: [],
      ends: authorityEnd.toISOString(),
      daysLeft: 3640,
      renewed: undefined,
      status: 'good',
    },
    {
      name: 'apiserver',
      authority: false,
      subject: 'CN=kube-apiserver',
      names: ['my-vc1.team-a.svc', '10.0.0.1'],
      ends: after(400).toISOString(),
      daysLeft: 390,
      // The last quarter is 100 days, and nothing is renewed more than 90 days before its end.
      renewed: after(310).toISOString(),
      status: 'good',
    },
    expect.objectContaining({ name: 'kubelet-client', renewed: undefined, status: 'good' }),
  ]);
  expect(JSON.stringify(report)).not.toContain('PRIVATE KEY');
});

test.each([
  [310, 'apiserver', 'good'],
  [312, 'apiserver', 'overdue'],
  [401, 'apiserver', 'ended'],
  [3559, 'ca', 'good'],
  [3561, 'ca', 'ends soon'],
  [3651, 'ca', 'ended'],
])('%s days on, %s is %s', (days, name, status) => {
  expect(certificateReport(values, after(days)).find((one) => one.name === name)?.status).toBe(status);
});

test('what cannot be read is told, not left out', () => {
  expect(certificateReport(new Map([['etcd-server.crt', 'nonsense']]), START)).toEqual([
    expect.objectContaining({ name: 'etcd-server', status: 'unreadable' }),
  ]);
  expect(certificateReport(new Map(), START)).toEqual([]);
});
