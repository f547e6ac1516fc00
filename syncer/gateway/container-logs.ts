import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { HostApi, HostRequest } from './host-api';

/**
 * Streams a container's log from the host to the caller, with back-pressure, until either side ends. The host's request
 * is dropped when the caller goes. There is no time limit on the first byte: a kubelet that follows a silent container
 * sends not even its headers.
 *
 * @returns 200 once the stream has begun, or the host's answer where it is not a log
 * @throws Error when the host cannot be reached, or the caller has gone
 */
export async function streamContainerLog(
  host: HostApi,
  request: HostRequest,
  response: ServerResponse,
): Promise<200 | IncomingMessage> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (response.destroyed) gone.abort();
  const { response: answer } = await host.exchange(request, gone.signal);
  if (answer.statusCode !== 200) return answer;
  response.writeHead(200, { 'Content-Type': answer.headers['content-type'] ?? 'text/plain' });
  response.flushHeaders();
  // A log that the host breaks off must look broken to the caller too: pipeline then destroys the response.
  pipeline(answer, response, () => undefined);
  return 200;
}
