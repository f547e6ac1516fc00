import type { LayerEntry } from '../../../images/layer';
import { layerIdentity, layerOf, layerPieces, layerSize } from '../../../images/layer';
import { readTar } from './read-tar';

const owner = { uid: 0, gid: 0 };
const file = (path: string, text = 'x'): Extract<LayerEntry, { type: 'file' }> => ({
  type: 'file',
  path,
  mode: 0o644,
  owner,
  capabilities: [],
  content: { bytes: Buffer.from(text) },
});
const bytesOf = (entries: LayerEntry[]) => Buffer.concat([...layerPieces(layerOf(entries))] as Buffer[]);

describe('layers', () => {
  test('folders above a path are added once, before what is in them', () => {
    const names = readTar(bytesOf([file('/usr/local/bin/etcd'), file('/usr/bin/x'), file('/a')])).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['a', 'usr/', 'usr/bin/', 'usr/bin/x', 'usr/local/', 'usr/local/bin/', 'usr/local/bin/etcd']);
  });

  test('a listed folder keeps its own mode', () => {
    const entries = readTar(bytesOf([file('/tmp/x'), { type: 'directory', path: '/tmp', mode: 0o1777, owner }]));
    expect(entries[0]).toMatchObject({ name: 'tmp/', mode: 0o1777 });
  });

  test('the order of the list does not matter', () => {
    const entries = [file('/b'), file('/a/c'), file('/a-b'), file('/a.b')];
    expect(bytesOf([...entries].reverse()).equals(bytesOf(entries))).toBe(true);
  });

  test('the size is known before it is written', () => {
    const layer = layerOf([file('/a', 'x'.repeat(513)), file(`/${'n'.repeat(101)}`, '')]);
    expect(layerSize(layer)).toBe(Buffer.concat([...layerPieces(layer)] as Buffer[]).length);
  });

  test('a path twice, or one below a file or a link, is refused', () => {
    expect(() => layerOf([file('/a'), file('/a')])).toThrow('image path /a is listed twice');
    expect(() => layerOf([file('/a'), file('/a/b')])).toThrow('/a/b lies below /a, which is a file');
    expect(() => layerOf([{ type: 'symlink', path: '/a', target: '/b' }, file('/a/b/c')])).toThrow(
      'which is a symlink',
    );
  });

  test('the identity changes with everything that is written, and with nothing else', () => {
    const base = file('/a');
    const identity = (entry: LayerEntry) => layerIdentity(layerOf([entry]));
    const others: LayerEntry[] = [
      { ...base, path: '/b' },
      { ...base, mode: 0o755 },
      { ...base, owner: { uid: 1, gid: 0 } },
      { ...base, capabilities: ['cap_net_bind_service'] },
      { ...base, content: { bytes: Buffer.from('y') } },
      { type: 'directory', path: '/a', mode: 0o644, owner },
    ];
    const identities = [base, ...others].map(identity);
    expect(new Set(identities).size).toBe(identities.length);
    expect(identity(file('/a'))).toBe(identities[0]);
  });
});
