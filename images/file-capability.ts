/** File capabilities that a program in an image may carry; numbers as in linux/capability.h. */
const NUMBERS = { cap_net_bind_service: 10 } as const;

/** Name of a file capability, as `setcap` writes it. */
export type Capability = keyof typeof NUMBERS;

/** Extended attribute that holds a file's capabilities. */
export const CAPABILITY_XATTR = 'security.capability';

/** Revision 2 of `struct vfs_cap_data`: two 32-bit words per set, no owning user namespace. */
const REVISION_2 = 0x02000000;
const EFFECTIVE = 0x000001;

/**
 * The value of the `security.capability` attribute for `setcap NAME=+ep`: permitted and effective.
 * A kernel refuses to start such a program with EPERM when the container's bounding set lacks the capability.
 */
export function encodeCapabilities(names: readonly Capability[]): Buffer {
  const permitted = names.reduce((bits, name) => bits | (1n << BigInt(NUMBERS[name])), 0n);
  const value = Buffer.alloc(20); // magic, permitted low, inheritable low, permitted high, inheritable high
  value.writeUInt32LE(REVISION_2 | EFFECTIVE, 0);
  value.writeUInt32LE(Number(permitted & 0xffffffffn), 4);
  value.writeUInt32LE(Number(permitted >> 32n), 12);
  return value;
}
