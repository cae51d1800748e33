/** What a file is said to be, where the file system cannot hold it. */
export interface FakeOwner {
  readonly uid: number;
  readonly gid: number;
  /** Type and permission bits where they differ from those on disk: devices, and what keeps its owner out. */
  readonly mode?: number | undefined;
  /** As a stat gives it; of devices. */
  readonly rdev?: bigint | undefined;
  /** Value of `security.capability`. */
  readonly capability?: Uint8Array | undefined;
  /**
   * When the file was made, nanoseconds since 1970; 0 where the file system does not tell. An inode of
   * another time has the number of one that is gone, and nothing is said of it.
   */
  readonly birth?: bigint | undefined;
}

/** By `DEV:INO`, both decimal as `lstat` with bigints gives them. */
export type FakeOwners = ReadonlyMap<string, FakeOwner>;

export function fileKey(dev: number | bigint, ino: number | bigint): string {
  return `${dev}:${ino}`;
}

/** What is said of the file that `stats` is of; undefined where it is what it seems. */
export function fakeOwnerOf(
  owners: FakeOwners,
  stats: { readonly dev: bigint; readonly ino: bigint; readonly birthtimeNs: bigint },
): FakeOwner | undefined {
  const found = owners.get(fileKey(stats.dev, stats.ino));
  return found === undefined || isStale(found, stats.birthtimeNs) ? undefined : found;
}

export function isStale({ birth }: FakeOwner, found: bigint): boolean {
  return birth !== undefined && birth !== 0n && found !== 0n && birth !== found;
}

/** For a channel of JSON. */
export interface WireOwner {
  readonly key: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode?: number | undefined;
  readonly rdev?: string | undefined;
  readonly capability?: string | undefined;
  readonly birth?: string | undefined;
}

export function ownersToWire(owners: FakeOwners): readonly WireOwner[] {
  return [...owners].map(([key, { uid, gid, mode, rdev, capability, birth }]) => ({
    key,
    uid,
    gid,
    mode,
    rdev: rdev?.toString(),
    capability: capability && Buffer.from(capability).toString("base64"),
    birth: birth?.toString(),
  }));
}

export function ownersFromWire(wire: readonly WireOwner[]): Map<string, FakeOwner> {
  return new Map(
    wire.map(({ key, uid, gid, mode, rdev, capability, birth }) => [
      key,
      {
        uid,
        gid,
        mode,
        rdev: rdev === undefined ? undefined : BigInt(rdev),
        capability: capability === undefined ? undefined : Buffer.from(capability, "base64"),
        birth: birth === undefined ? undefined : BigInt(birth),
      },
    ]),
  );
}
