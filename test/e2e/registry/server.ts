import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/*
 * `server.ts --layout FOLDER --repository NAME --user NAME:PASSWORD --port PORT`: a registry of one image, whose OCI layout is in a folder,
 * for those who have the password (the OCI distribution specification, as far as a pull goes). Writes a line for each request: its status,
 * method and path.
 */

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

const { values } = parseArgs({
  options: {
    layout: { type: 'string', default: '' },
    repository: { type: 'string', default: '' },
    user: { type: 'string', default: '' },
    port: { type: 'string', default: '' },
  },
});
const { layout, repository, user, port } = values;
const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { readonly manifests: Descriptor[] };
const manifest = index.manifests[0];
if (!manifest) throw new Error(`${layout} has no image`);
const wanted = `Basic ${Buffer.from(user).toString('base64')}`;

/** What a path names; undefined for nothing. */
function resolve(path: string): Descriptor | undefined {
  if (!path.startsWith(`/v2/${repository}/`)) return undefined;
  const [kind, reference = ''] = path.slice(`/v2/${repository}/`.length).split('/');
  if (kind === 'manifests') return manifest;
  if (kind === 'blobs' && /^sha256:[0-9a-f]{64}$/.test(reference)) {
    return { mediaType: 'application/octet-stream', digest: reference };
  }
  return undefined;
}

function answer({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const finish = (status: number, header: Readonly<Record<string, string>> = {}): void => {
    process.stdout.write(`${status} ${method} ${url}\n`);
    response.writeHead(status, { 'Docker-Distribution-Api-Version': 'registry/2.0', ...header });
  };
  if (headers.authorization !== wanted) {
    finish(401, { 'WWW-Authenticate': 'Basic realm="registry"' });
    response.end();
    return;
  }
  if (url === '/v2/') {
    finish(200);
    response.end();
    return;
  }
  const found = resolve(url);
  const file = found && join(layout, 'blobs', ...found.digest.split(':'));
  if (!file || !existsSync(file)) {
    finish(404);
    response.end();
    return;
  }
  finish(200, {
    'Content-Type': found.mediaType,
    'Content-Length': String(statSync(file).size),
    'Docker-Content-Digest': found.digest,
  });
  if (method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}

createServer(answer).listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
