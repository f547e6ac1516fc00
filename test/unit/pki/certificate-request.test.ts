import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { createKeyAndRequest, KEY_TYPES } from '../../../syncer/pki';
import { derElements } from '../../../syncer/pki/der';

const DIGESTS: Record<string, string | undefined> = { ECDSAP384: 'sha384', ECDSAP521: 'sha512', ED25519: undefined };

test.each(KEY_TYPES)('a request for a key of type %s is signed with that key, and names nobody', async (type) => {
  const { privateKey, request } = await createKeyAndRequest(type);
  const [body = Buffer.alloc(0), , bits = Buffer.alloc(0)] = derElements(request);
  const [version, subject, key = Buffer.alloc(0), attributes] = derElements(body);
  expect(version?.toString('hex')).toBe('020100');
  expect(subject?.toString('hex')).toBe('3000');
  expect(attributes?.toString('hex')).toBe('a000');
  const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
  expect(publicKey.equals(createPublicKey(createPrivateKey(privateKey)))).toBe(true);
  const header = bits.readUInt8(1) < 0x80 ? 2 : 2 + (bits.readUInt8(1) & 0x7f);
  const digest = type in DIGESTS ? DIGESTS[type] : 'sha256';
  expect(verify(digest, body, publicKey, bits.subarray(header + 1))).toBe(true);
});
