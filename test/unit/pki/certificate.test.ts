import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { createAuthority, createTokenKey, Issuer } from '../../../syncer/pki/certificate';

const day = 86_400_000;
const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 30 * day) };

describe('certificates', () => {
  const authority = createAuthority('an authority', validity);
  const issuer = new Issuer(authority);

  test('an authority signs itself and may sign others', () => {
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=an authority');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
  });

  test('a leaf has its names, its life and its uses, and no right to sign', () => {
    const leaf = issuer.issue(
      {
        commonName: 'server',
        organizations: ['system:masters', 'b'],
        dnsNames: ['kubernetes', '*.example.com'],
        addresses: ['10.0.0.1', '::1', 'fd00::a:0:ff'],
        usages: ['server', 'client'],
      },
      validity,
    );
    const certificate = new X509Certificate(leaf.certificate);
    expect(certificate.subject).toBe('O=system:masters\nO=b\nCN=server');
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(certificate.checkHost('kubernetes')).toBe('kubernetes');
    expect(certificate.checkHost('a.example.com')).toBe('*.example.com');
    expect(['10.0.0.1', '::1', 'fd00::a:0:ff'].filter((ip) => certificate.checkIP(ip) === undefined)).toEqual([]);
    expect(certificate.checkIP('10.0.0.2')).toBeUndefined();
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(Math.abs(certificate.validToDate.getTime() - validity.notAfter.getTime())).toBeLessThan(1000);
    expect(Math.abs(certificate.validFromDate.getTime() - validity.notBefore.getTime())).toBeLessThan(1000);
  });

  test.each(['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '2126-02-28T12:00:00Z'])('a life until %s', (time) => {
    const until = new Date(time);
    const { certificate } = issuer.issue({ commonName: 'x', usages: ['client'] }, { ...validity, notAfter: until });
    expect(new X509Certificate(certificate).validToDate.getTime()).toBe(until.getTime());
  });

  test('an address that is none is refused', () => {
    const request = { commonName: 'x', addresses: ['10.0.0.300'], usages: ['server'] as const };
    expect(() => issuer.issue(request, validity)).toThrow('"10.0.0.300" is no IP address');
  });

  test('a key of another authority is refused', () => {
    const other = createAuthority('other', validity);
    expect(() => new Issuer({ certificate: authority.certificate, key: other.key })).toThrow(
      'certificate authority "CN=an authority": its key is of another certificate; restore the two together',
    );
  });

  test('TLS with both sides verified', async () => {
    const server = issuer.issue({ commonName: 's', addresses: ['127.0.0.1'], usages: ['server'] }, validity);
    const client = issuer.issue({ commonName: 'c', organizations: ['g'], usages: ['client'] }, validity);
    const listener = createServer({
      cert: server.certificate,
      key: server.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
    const socket = connect({
      host: '127.0.0.1',
      port: (listener.address() as AddressInfo).port,
      ca: authority.certificate,
      cert: client.certificate,
      key: client.key,
    });
    await once(socket, 'secureConnect');
    const [peer] = await accepted;
    expect(peer.authorized).toBe(true);
    expect(peer.getPeerCertificate().subject).toMatchObject({ CN: 'c', O: 'g' });
    socket.destroy();
    peer.destroy();
    listener.close();
  });

  test('a token key and its public half', () => {
    const key = createTokenKey();
    expect(key.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(key.publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----/);
  });
});
