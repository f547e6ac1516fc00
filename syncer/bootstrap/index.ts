export { type AppliedManifest, applyManifests } from './apply-manifests';
export { bootstrap, type BootstrapOptions } from './bootstrap';
export { coreDNSManifests, corefile, DNS_SERVICE } from './core-dns';
export { InitialManifests, type InitialManifestsOptions } from './initial-manifests';
export { applyKubeconfigSecrets, type KubeconfigContent, kubeconfigSecrets } from './kubeconfig-secret';
export { type ChangingContent, KubeconfigWriter } from './kubeconfig-writer';
export { registerResourceMetrics, resourceMetricsManifests, type ResourceMetricsOptions } from './resource-metrics';
