export { credentialsOf, resolveContext, type Credentials, type ResolvedContext } from './connection';
export type { ContextEntry } from './document';
export { kubeconfigFiles, readKubeconfig, type Kubeconfig } from './kubeconfig';
export { changeKubeconfig, fileForNewEntries, type KubeconfigChange, type NamedEntry } from './change';
