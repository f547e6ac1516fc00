import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageDefinition, Item } from '../../../images/catalogue';
import { imageDefinition, imageNames } from '../../../images/catalogue';

const root = join(__dirname, '..', '..', '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const items = (image: ImageDefinition): Item[] => image.layers.flatMap((layer) => layer.items);
const paths = (image: ImageDefinition): string[] =>
  items(image).flatMap((item) => ('file' in item ? item.file : 'link' in item ? item.link : []));

describe('the catalogue of images', () => {
  test('has every image of a virtual cluster and of its tests, under its public name', () => {
    expect(imageNames.map((name) => imageDefinition(name).reference).sort()).toEqual([
      'docker.io/library/busybox:1.35',
      'docker.io/library/nginx:1.22',
      'docker.io/rancher/kine:v0.14.12',
      `ghcr.io/nestling-dev/syncer:${version}`,
      'quay.io/jetstack/cert-manager-cainjector:v1.11.5',
      'quay.io/jetstack/cert-manager-controller:v1.11.5',
      'quay.io/jetstack/cert-manager-webhook:v1.11.5',
      'registry.k8s.io/coredns/coredns:v1.14.7',
      'registry.k8s.io/e2e-test-images/agnhost:2.66.1',
      'registry.k8s.io/etcd:3.6.5-0',
      'registry.k8s.io/kube-apiserver:v1.37.2',
      'registry.k8s.io/kube-controller-manager:v1.37.2',
      'registry.k8s.io/kube-scheduler:v1.37.2',
      'registry.k8s.io/kubectl:v1.37.2',
      'registry.k8s.io/kwok/kwok:v0.8.0',
      'registry.k8s.io/metrics-server/metrics-server:v0.9.0',
      'registry.k8s.io/pause:3.10',
    ]);
  });

  test('gives file capabilities to the programs that carry them in public, and to no other', () => {
    const carrying = imageNames.filter((name) =>
      items(imageDefinition(name)).some((item) => 'file' in item && (item.capabilities?.length ?? 0) > 0),
    );
    expect(carrying.sort()).toEqual(['coredns', 'kube-apiserver']);
  });

  test.each(imageNames)('%s has the program that it starts', (name) => {
    const image = imageDefinition(name);
    const [program] = [...(image.run.entrypoint ?? []), ...(image.run.cmd ?? [])];
    if (program === undefined)
      expect(name).toBe('etcd'); // as in public
    else if (program.startsWith('/')) expect(paths(image)).toContain(program);
    else if (program === 'node') expect(paths(image)).toContain('/usr/local/bin/node');
    else expect(items(image).some((item) => 'applets' in item)).toBe(true);
  });

  test.each(imageNames)('%s lists absolute paths without dots', (name) => {
    for (const path of paths(imageDefinition(name))) expect(path).toMatch(/^(\/[^/]*[^/.][^/]*)+$/);
  });

  test('a program that a layer takes from Debian is in a layer that names packages', () => {
    for (const name of imageNames) {
      for (const layer of imageDefinition(name).layers) {
        const wants = layer.items.some(
          (item) =>
            'applets' in item ||
            ('file' in item && 'debian' in item.from) ||
            ('librariesOf' in item && 'debian' in item.librariesOf),
        );
        expect(layer.packages !== undefined).toBe(wants);
      }
    }
  });

  test('the Dockerfile makes the same image of the syncer', () => {
    const { run } = imageDefinition('syncer');
    const dockerfile = readFileSync(join(root, 'images', 'Dockerfile'), 'utf8');
    const last = (instruction: string) => new RegExp(`^${instruction} (.*)$`, 'gm')[Symbol.matchAll](dockerfile);
    const value = (instruction: string) => [...last(instruction)].at(-1)?.[1];
    expect(JSON.parse(value('ENTRYPOINT')!)).toEqual(run.entrypoint);
    expect(value('USER')).toBe(run.user);
    expect(value('WORKDIR')).toBe('/');
    expect(run.env.slice(1)).toEqual([...last('ENV')].map(([, variable]) => variable));
    expect(dockerfile).toMatch(/^FROM node:24-/m);
  });
});
