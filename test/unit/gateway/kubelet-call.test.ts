import { tenantMessage } from '../../../syncer/gateway';
import { hostQuery } from '../../../syncer/gateway/host-query';
import { parseKubeletCall } from '../../../syncer/gateway/kubelet-call';
import { QuietLog } from '../../../syncer/gateway/quiet-log';

function query(method: string, target: string): string {
  const call = parseKubeletCall(method, target);
  if ('status' in call) throw new Error(`${call.status} ${call.text}`);
  const answer = hostQuery(call);
  return answer instanceof URLSearchParams ? answer.toString() : `${answer.status} ${answer.text}`;
}

test('calls are read with their names', () => {
  expect(parseKubeletCall('GET', '/containerLogs/ns/web-0/app?follow=true')).toMatchObject({
    call: 'containerLogs',
    namespace: 'ns',
    pod: 'web-0',
    container: 'app',
  });
  expect(parseKubeletCall('POST', '/exec/ns/a.b-c/1234-uid/app?command=ls')).toMatchObject({
    call: 'exec',
    pod: 'a.b-c',
    uid: '1234-uid',
    container: 'app',
  });
  expect(parseKubeletCall('POST', '/attach/ns/pod/app')).toMatchObject({ call: 'attach', container: 'app' });
  expect(parseKubeletCall('POST', '/portForward/ns/pod/uid-1')).toMatchObject({ call: 'portForward', uid: 'uid-1' });
  expect(parseKubeletCall('GET', '/portForward/ns/pod')).not.toHaveProperty('uid');
});

test.each([
  ['GET', '/healthz', 501],
  ['GET', '/pods', 501],
  ['GET', '/runningpods/', 501],
  ['GET', '/stats/summary', 501],
  ['GET', '/metrics', 501],
  ['GET', '/metrics/cadvisor', 501],
  ['POST', '/run/ns/pod/app?cmd=id', 501],
  ['GET', '/configz', 501],
  ['GET', '/logs/', 501],
  ['GET', '/debug/pprof/heap', 501],
  ['GET', '/', 404],
  ['GET', '/api/v1/pods', 404],
  ['GET', '/__proto__', 404],
  ['GET', '/constructor/ns/pod/app', 404],
  ['GET', '/toString/ns/pod/app', 404],
  ['GET', '/exec', 404],
  ['GET', '/containerLogs/ns/pod', 404],
  ['GET', '/containerLogs/ns/pod/app/more', 404],
  ['GET', '/containerLogs/ns/pod/', 404],
  ['GET', '/containerLogs/ns/../../other/app', 404],
  ['GET', '/containerLogs/ns/%2e%2e/app', 404],
  ['GET', '/containerLogs/ns/a%2Fb/app', 404],
  ['GET', '/containerLogs/NS/pod/app', 404],
  ['GET', '/containerLogs//pod/app', 404],
  ['GET', '//containerLogs/ns/pod/app', 404],
  ['GET', '/containerLogs/%zz/pod/app', 400],
  ['GET', 'http://elsewhere/containerLogs/ns/pod/app', 400],
  ['POST', '/containerLogs/ns/pod/app', 405],
  ['PUT', '/exec/ns/pod/app', 405],
  ['DELETE', '/attach/ns/pod/app', 405],
])('%s %s is answered with %i and reaches nothing', (method, target, status) => {
  expect(parseKubeletCall(method, target)).toMatchObject({ status, text: expect.stringMatching(/./) as string });
});

test('parameters of logs go through by an allow-list, once each', () => {
  expect(
    query(
      'GET',
      '/containerLogs/ns/p/app?follow=true&previous=true&timestamps=true&sinceSeconds=5&sinceTime=2026-01-01T00%3A00%3A00Z' +
        '&tailLines=10&limitBytes=99&stream=Stdout&container=other&container=third&insecureSkipTLSVerifyBackend=true&pretty=1',
    ),
  ).toBe(
    'container=app&follow=true&previous=true&timestamps=true&sinceSeconds=5&sinceTime=2026-01-01T00%3A00%3A00Z&tailLines=10&limitBytes=99&stream=Stdout',
  );
  expect(query('GET', '/containerLogs/ns/p/app?tail=3')).toBe('container=app&tailLines=3');
  expect(query('GET', '/containerLogs/ns/p/app?tail=all')).toBe('container=app');
});

test('parameters of streams are renamed', () => {
  expect(query('POST', '/exec/ns/p/app?command=sh&command=-c&command=echo+a%26b&input=1&output=1&error=1&tty=1')).toBe(
    'container=app&stdin=true&stdout=true&stderr=true&tty=true&command=sh&command=-c&command=echo+a%26b',
  );
  expect(query('POST', '/attach/ns/p/app?output=1&command=ignored&stdin=true&container=other')).toBe(
    'container=app&stdin=false&stdout=true&stderr=false&tty=false',
  );
  expect(query('GET', '/portForward/ns/p?port=80,443&port=8080')).toBe('ports=80&ports=443&ports=8080');
  expect(query('GET', '/portForward/ns/p?port=80,x')).toMatch(/^400 /);
  expect(query('GET', '/portForward/ns/p?port=65536')).toMatch(/^400 /);
});

test('what the host says names the tenant’s objects alone', () => {
  const names = { host: { namespace: 'a', name: 'web-0-x-shop-x-vc' }, virtual: { namespace: 'shop', name: 'web-0' } };
  expect(
    tenantMessage(
      'container "a" in pod "web-0-x-shop-x-vc" is waiting, namespace a. a-b a.b /logs/a_web-0-x-shop-x-vc_1',
      names,
    ),
  ).toBe('container "shop" in pod "web-0" is waiting, namespace shop. a-b a.b /logs/shop_web-0_1');
  expect(tenantMessage('$& web-0-x-shop-x-vc', { ...names, virtual: { namespace: 'n', name: '$&' } })).toBe('$& $&');
});

test('a line is logged once a minute, all lines together by a budget, and what was held back is counted', () => {
  let now = 0;
  const log = new QuietLog(() => now);
  const lines: string[] = [];
  const write = (key: string): void => log.log(key, (suppressed) => lines.push(`${key}+${suppressed}`));
  write('a');
  write('a');
  write('a');
  now = 60_000;
  write('a');
  expect(lines).toEqual(['a+0', 'a+2']);
  for (let i = 0; i < 1000; i++) write(`flood-${i}`);
  expect(lines.length).toBe(21);
  now = 66_000;
  write('b');
  expect(lines.at(-1)).toBe(`b+${1000 - 19}`);
});
