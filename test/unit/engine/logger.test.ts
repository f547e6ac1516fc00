import { describeError } from '../../../syncer/engine';
import { ApiError } from '../../../syncer/kube-client';

test('an error is described by known fields only, causes included', () => {
  const error = Object.assign(
    new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNRESET' }) }),
    {
      request: { headers: { authorization: 'Bearer abc' } },
    },
  );
  const described = describeError(error);
  expect(described).toMatchObject({ type: 'Error', message: 'outer', cause: { message: 'inner', code: 'ECONNRESET' } });
  expect(JSON.stringify(described)).not.toContain('abc');
  const api = describeError(new ApiError({ status: 404, reason: 'NotFound', message: 'pods "p" not found' }));
  expect(api).toEqual({ type: 'ApiError', message: 'pods "p" not found', status: 404, reason: 'NotFound' });
  expect(describeError('text')).toEqual({ type: 'string', message: 'text' });
});

test('what looks like a credential is blanked, long texts are cut, circles end', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
  const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----';
  const { message } = describeError(new Error(`sent Authorization: Bearer s3cr3t, ${token} and ${key}.`));
  expect(message).toBe('sent Authorization: [redacted], [redacted] and [redacted].');
  expect(describeError(new Error('x'.repeat(10_000))).message).toHaveLength(2049);
  const circle = new Error('round');
  circle.cause = circle;
  expect(JSON.stringify(describeError(circle)).length).toBeLessThan(20_000);
});
