import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayerEntry } from '../../../images/layer';
import { layerOf } from '../../../images/layer';
import type { OciImage } from '../../../images/oci-archive';
import { writeOciArchive } from '../../../images/oci-archive';
import { readTar } from './read-tar';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const PROGRAM = Buffer.alloc(3 * 2 ** 20 + 17, 'program');

describe('OCI archives', () => {
  let folder: string;
  let program: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oci-archive-'));
    program = join(folder, 'program');
    await writeFile(program, PROGRAM);
  });
  afterEach(() => rm(folder, { recursive: true }));

  function image(): OciImage {
    const entry: LayerEntry = {
      type: 'file',
      path: '/usr/bin/program',
      mode: 0o755,
      owner: { uid: 0, gid: 0 },
      capabilities: ['cap_net_bind_service'],
      content: { file: program, size: PROGRAM.length, digest: sha256(PROGRAM) },
    };
    const link: LayerEntry = { type: 'symlink', path: '/bin', target: 'usr/bin' };
    return {
      reference: 'registry.example:5000/team/program:v1',
      architecture: 'amd64',
      layers: [layerOf([link]), layerOf([entry])],
      run: {
        env: ['PATH=/bin'],
        entrypoint: ['/bin/program'],
        cmd: ['-v'],
        user: '65532:65532',
        exposedPorts: ['80/tcp'],
      },
    };
  }

  test('every blob has the digest and size that the documents give it', async () => {
    const archive = join(folder, 'image.tar');
    const digest = await writeOciArchive(archive, image());
    const files = new Map(readTar(await readFile(archive)).map(({ name, content }) => [name, content]));
    for (const [name, content] of files) {
      if (name.startsWith('blobs/')) expect(name).toBe(`blobs/sha256/${sha256(content)}`);
    }
    const json = (name: string) => JSON.parse(files.get(name)!.toString()) as Record<string, unknown>;
    const blob = (descriptor: { digest: string; size: number }) => {
      const content = files.get(`blobs/${descriptor.digest.replace(':', '/')}`)!;
      expect(content.length).toBe(descriptor.size);
      return content;
    };
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const [manifestDescriptor] = json('index.json').manifests as [
      { digest: string; size: number; annotations: object; platform: object },
    ];
    expect(manifestDescriptor).toMatchObject({
      digest,
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {
        'io.containerd.image.name': 'registry.example:5000/team/program:v1',
        'org.opencontainers.image.ref.name': 'v1',
      },
    });
    const manifest = JSON.parse(blob(manifestDescriptor).toString()) as {
      config: { digest: string; size: number };
      layers: { digest: string; size: number; mediaType: string }[];
    };
    const config = JSON.parse(blob(manifest.config).toString()) as Record<string, unknown>;
    expect(config).toMatchObject({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: manifest.layers.map((layer) => layer.digest) },
      config: {
        Entrypoint: ['/bin/program'],
        Cmd: ['-v'],
        User: '65532:65532',
        Env: ['PATH=/bin'],
        ExposedPorts: { '80/tcp': {} },
        WorkingDir: '/',
      },
    });
    const [links, programs] = manifest.layers.map((layer) => readTar(blob(layer)));
    expect(links!.map(({ name }) => name)).toEqual(['bin']);
    const written = programs!.find(({ name }) => name === 'usr/bin/program')!;
    expect(written.content.equals(PROGRAM)).toBe(true);
    expect(written.pax.has('SCHILY.xattr.security.capability')).toBe(true);
    expect(files.size).toBe(6); // layout, index, manifest, configuration, two layers
  });

  test('the same content gives the same bytes, whatever its files’ times are', async () => {
    await writeOciArchive(join(folder, 'a.tar'), image());
    await utimes(program, 1, 1);
    await writeOciArchive(join(folder, 'b.tar'), image());
    expect((await readFile(join(folder, 'a.tar'))).equals(await readFile(join(folder, 'b.tar')))).toBe(true);
  });

  test.each([
    ['grew', Buffer.concat([PROGRAM, PROGRAM])],
    ['shrank', PROGRAM.subarray(1)],
  ])('a file that %s since it was described is reported', async (_what, content) => {
    const described = image();
    await writeFile(program, content);
    await expect(writeOciArchive(join(folder, 'image.tar'), described)).rejects.toThrow(
      `${program} changed its length while the image was written`,
    );
  });
});
