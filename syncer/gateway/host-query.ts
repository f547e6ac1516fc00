import type { KubeletCall, PlainAnswer } from './kubelet-call';

/** Parameters of a log request that go through; all others are dropped. */
const LOG_PARAMETERS = [
  'follow',
  'previous',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
  'stream',
];

/** The kubelet's names for the streams of exec and attach, and those of the Kubernetes API. */
const STREAMS = [
  ['input', 'stdin'],
  ['output', 'stdout'],
  ['error', 'stderr'],
  ['tty', 'tty'],
] as const;

/**
 * The query of the host pod's subresource for a call to the kubelet. Only what is known goes through, once each, so that a
 * caller cannot name another container or add options. Values are left for the host to validate.
 */
export function hostQuery(call: KubeletCall): URLSearchParams | PlainAnswer {
  const query = new URLSearchParams();
  if (call.call === 'portForward') {
    for (const list of call.query.getAll('port')) {
      for (const text of list.split(',')) {
        if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > 65535) {
          return { status: 400, text: `port ${JSON.stringify(text.slice(0, 20))} is not a number from 1 to 65535` };
        }
        query.append('ports', text);
      }
    }
    return query;
  }

  query.set('container', call.container);
  if (call.call === 'containerLogs') {
    for (const name of LOG_PARAMETERS) {
      const value = call.query.get(name);
      if (value !== null) query.set(name, value);
    }
    // As the kubelet reads it, for old callers; `all` means no limit.
    const tail = call.query.get('tail');
    if (tail !== null && tail !== 'all' && !query.has('tailLines')) query.set('tailLines', tail);
    return query;
  }

  for (const [kubelet, api] of STREAMS) query.set(api, String(call.query.get(kubelet) === '1'));
  if (call.call === 'exec') for (const argument of call.query.getAll('command')) query.append('command', argument);
  return query;
}
