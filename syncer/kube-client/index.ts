export { ApiError, type ApiErrorReason } from './api-error';
export { ConnectionError } from './connection-error';
export { type ClusterConnection, inClusterConnection } from './connection';
export { KubeClient, type KubeClientOptions, type RawResponse } from './kube-client';
export { labelSelectorOf } from './label-selector';
export type { AnyObject, KubeObject, ObjectList, ObjectMeta, Status, StatusDetails, WatchEvent } from './object';
export type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PatchOptions,
  PatchType,
  RawRequestOptions,
  RequestOptions,
  WatchOptions,
} from './options';
export { type RequestCount, RequestCounter, type Verb } from './request-counter';
export { apiVersionOf, resourcePath, type ResourceType } from './resource-type';
export { resources } from './resources';
