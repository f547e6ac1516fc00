export { type AppliedManifest, applyManifests } from './apply-manifests';
export { bootstrap, type BootstrapOptions } from './bootstrap';
export { coreDNSManifests, corefile, DNS_SERVICE } from './core-dns';
export { applyKubeconfigSecret, kubeconfigSecret, type KubeconfigSecretContent } from './kubeconfig-secret';
export { registerResourceMetrics, resourceMetricsManifests, type ResourceMetricsOptions } from './resource-metrics';
