import { createHash } from 'node:crypto';
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1';
import {
  CONFIGURATION_KEY,
  controlPlaneLabels,
  controlPlaneNames,
  STORE_SETTINGS_KEY,
} from '../../syncer/configuration';
import { formatConfiguration } from '../../syncer/configuration/document';
import { isEmbedded, type VirtualClusterSpec } from '../spec';
import { etcdSettings } from './etcd';

/** The object that owns everything the syncer creates. It holds nothing: no change of the cluster ever has a reason to replace it. */
export function anchor(spec: VirtualClusterSpec): ConfigMap {
  const { anchor: name } = controlPlaneNames(spec.name);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: spec.namespace, labels: controlPlaneLabels(spec.name) },
  };
}

/** Texts of documents that were written already: the ConfigMap holds one, and the pod its digest. */
const texts = new WeakMap<VirtualClusterSpec['configuration'], string>();

function configurationText({ configuration }: VirtualClusterSpec): string {
  const text = texts.get(configuration) ?? formatConfiguration(configuration);
  texts.set(configuration, text);
  return text;
}

/** The syncer's configuration. */
export function configurationMap(spec: VirtualClusterSpec): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: controlPlaneNames(spec.name).configuration,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    data: configurationFiles(spec),
  };
}

function configurationFiles(spec: VirtualClusterSpec): Record<string, string> {
  const document = { [CONFIGURATION_KEY]: configurationText(spec) };
  if (spec.replicas === 1 || !isEmbedded(spec.store)) return document;
  return { ...document, [STORE_SETTINGS_KEY]: `${JSON.stringify(etcdSettings(spec.store), undefined, 2)}\n` };
}

/** Changes with the syncer's configuration, so that the pod template does and the pod is replaced. */
export function configurationHash(spec: VirtualClusterSpec): string {
  const files = Object.values(configurationFiles(spec)).join('');
  return createHash('sha256').update(files).digest('hex').slice(0, 16);
}

/**
 * The Secret for the cluster's keys and certificates, empty: the init container fills it. It is declared so that it goes with the
 * cluster's manifests, and has no `data`, so that applying them again leaves what is in it.
 */
export function certificatesSecret(spec: VirtualClusterSpec): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: controlPlaneNames(spec.name).certificates,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    type: 'Opaque',
  };
}
