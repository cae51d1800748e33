/** The attribute that holds a file's access list. Programs copy permissions by it: `cp -a`, `mv` and `install` do. */
export const ACCESS_LIST = "system.posix_acl_access";

/** What an access list says of the mode. */
export interface ListedMode {
  /** Those below 0o1000. */
  readonly bits: number;
  /** The list says no more than that. */
  readonly isAll: boolean;
}

const VERSION = 2;
const HEAD_BYTES = 4;
const ENTRY_BYTES = 8;
const TAG = { owner: 0x01, group: 0x04, mask: 0x10, others: 0x20 } as const;

/** Reads a value of the attribute, acl(5) in the kernel's form; undefined for anything else. */
export function readAccessList(value: Buffer): ListedMode | undefined {
  if (value.length < HEAD_BYTES || value.length % ENTRY_BYTES !== HEAD_BYTES) return undefined;
  if (value.readUInt32LE(0) !== VERSION) return undefined;
  const rights = new Map<number, number>();
  for (let at = HEAD_BYTES; at < value.length; at += ENTRY_BYTES)
    rights.set(value.readUInt16LE(at), value.readUInt16LE(at + 2) & 7);
  const [owner, group, others] = [TAG.owner, TAG.group, TAG.others].map((tag) => rights.get(tag));
  if (owner === undefined || group === undefined || others === undefined) return undefined;
  const middle = rights.get(TAG.mask) ?? group;
  return { bits: owner * 0o100 + middle * 0o10 + others, isAll: rights.size === 3 };
}
