export { leavesRoom, storeCare, type StoreCare, type StoreLook } from './care';
export { EtcdClient, type EtcdConnection, EtcdError, type EtcdStatus } from './etcd-client';
export { StoreKeeper, type StoreKeeperOptions } from './store-keeper';
