import type { Container } from 'kubernetes-types/core/v1';
import { hostEphemeralContainers } from '../../../syncer/translation';
import { contextWith, podWith, translated, unwrap } from './fixtures';

const image = (name: string, imagePullPolicy: string) => ({
  name,
  image: 'registry.example.com/private:1',
  imagePullPolicy,
});
const pod = podWith({
  containers: [image('main', 'Never')],
  initContainers: [image('before', 'IfNotPresent')],
  ephemeralContainers: [image('debugger', 'IfNotPresent')],
  volumes: [{ name: 'models', image: { reference: 'registry.example.com/models:1', pullPolicy: 'Never' } }],
});
const policies = (containers: readonly Pick<Container, 'imagePullPolicy'>[] = []) =>
  containers.map(({ imagePullPolicy }) => imagePullPolicy);

test('where the platform wants it, every image is asked for at its registry, whatever the tenant says', () => {
  const { spec } = translated(pod, { alwaysPullImages: true });
  expect([...policies(spec?.containers), ...policies(spec?.initContainers)]).toEqual(['Always', 'Always']);
  expect(spec?.volumes).toMatchObject([{ image: { pullPolicy: 'Always' } }]);
  const added = hostEphemeralContainers(pod, translated(podWith()), contextWith({ alwaysPullImages: true }));
  expect(added && policies(unwrap(added).spec?.ephemeralContainers)).toEqual(['Always']);
});

test('the tenant’s own pod is left as it is, and so is every pull policy where the platform asks for nothing', () => {
  const before = structuredClone(pod);
  translated(pod, { alwaysPullImages: true });
  expect(pod).toEqual(before);
  const { spec } = translated(pod);
  expect([...policies(spec?.containers), ...policies(spec?.initContainers)]).toEqual(['Never', 'IfNotPresent']);
});
