import type { IncomingMessage } from 'node:http';
import type { PlainAnswer } from './kubelet-call';
import type { PodNames, TranslateMessage } from './tenant-message';

/** Most of an error's body that is read, in bytes. */
const LONGEST_BODY = 64 * 1024;
/** Time for an error's body to arrive, in milliseconds. */
const BODY_MS = 5_000;

/**
 * Turns an answer of the host that is not the stream asked for into one that a kubelet could have given: plain text, in
 * the tenant's terms. Never a redirect, and never whom the host takes the syncer for.
 *
 * @returns the answer for the tenant, and what the host said for the operator's log
 */
export async function refusedByHost(
  response: IncomingMessage,
  names: PodNames,
  translate: TranslateMessage,
): Promise<PlainAnswer & { readonly hostMessage: string }> {
  const hostMessage = messageOf(await readBody(response));
  const status = response.statusCode ?? 502;
  const answer = (text: string, as = status): PlainAnswer & { hostMessage: string } => ({
    status: as,
    text,
    hostMessage,
  });
  if (status === 404) return answer(`pod "${names.virtual.name}" does not exist`);
  if (status === 401 || (status === 403 && /^(?:[a-z./]+ "[^"]*" is forbidden: )?User "/.test(hostMessage))) {
    return answer(
      'the host cluster does not let the syncer do this; its operator finds the reason in the syncer’s log',
      502,
    );
  }
  if (status < 400) return answer(`the host cluster gave an unexpected answer (${status})`, 502);
  return answer(hostMessage === '' ? `the host cluster answered ${status}` : translate(hostMessage, names));
}

/** The message of a Kubernetes Status; the text itself where it is none. */
function messageOf(body: string): string {
  if (!body.startsWith('{')) return body.trim();
  try {
    const status = JSON.parse(body) as { message?: unknown };
    return typeof status.message === 'string' ? status.message : '';
  } catch {
    return body.trim();
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const timer = setTimeout(() => response.destroy(), BODY_MS);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= LONGEST_BODY) break;
    }
  } catch {
    // What came so far is the best there is.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, LONGEST_BODY).toString('utf8');
}
