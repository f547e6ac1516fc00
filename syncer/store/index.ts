export { leavesRoom, storeCare, type StoreCare, type StoreLook } from './care';
export { EtcdClient, type EtcdConnection, EtcdError, type EtcdMember, type EtcdStatus } from './etcd-client';
export { StoreKeeper, type StoreKeeperOptions } from './store-keeper';
export { joinStore, type JoinOptions, type LoneMemberOptions, mayBeAlone } from './join-store';
export {
  memberOrdinals,
  type Membership,
  membershipOf,
  memberStart,
  type MemberStart,
  SecondStoreError,
  type VolumeState,
} from './membership';
export { StoreMembers, type StoreMembersOptions } from './store-members';
