export { leavesRoom, storeCare, type StoreCare, type StoreLook } from './care';
export { EtcdClient, type EtcdConnection, EtcdError, type EtcdMember, type EtcdStatus } from './etcd-client';
export { StoreKeeper, type StoreKeeperOptions } from './store-keeper';
export { joinStore, type JoinOptions } from './join-store';
export {
  memberOrdinals,
  type Membership,
  membershipOf,
  memberStart,
  type MemberStart,
  type VolumeState,
} from './membership';
export { StoreMembers, type StoreMembersOptions } from './store-members';
