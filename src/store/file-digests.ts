import { crc32 } from "node:zlib";
import type { Digest } from "../oci/digest.ts";
import type { RecordsDatabase } from "./records-database.ts";

/** What tells one state of a file from another: the fields of a `lstatSync(path, { bigint: true })`. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

interface Pending {
  readonly identity: FileIdentity;
  readonly digest: Digest;
}

const BATCH = 1000;
const SECOND = 1_000_000_000n;

/**
 * Digests of files by what stat says of them, so that a file that has not changed is not read again.
 * The change time cannot be set by a program, so a change that keeps size and mtime is seen too.
 */
export class FileDigests {
  readonly #database: RecordsDatabase;
  #pending: Pending[] = [];

  constructor(database: RecordsDatabase) {
    this.#database = database;
  }

  get(identity: FileIdentity): Digest | undefined {
    const { dev, ino, size, mtimeNs, ctimeNs } = identity;
    const row = this.#database.row(
      "SELECT digest, checksum FROM files WHERE device = ? AND inode = ? AND size = ? AND mtime = ? AND ctime = ?",
      [BigInt.asIntN(64, dev), BigInt.asIntN(64, ino), size, mtimeNs, ctimeNs],
    );
    if (row === undefined) return undefined;
    const digest = String(row["digest"]);
    return checksum(identity, digest) === row["checksum"] ? (digest as Digest) : undefined;
  }

  /**
   * Remembers the digest of a file. `identity` is from a stat before its bytes were read and `readAt`
   * (milliseconds since the epoch) the time of that stat: a file changed so shortly before that its
   * next change could get the same time is not remembered (git's "racily clean" entries).
   * Kept back until {@link flush} or a thousand are waiting.
   */
  put(identity: FileIdentity, digest: Digest, readAt: number): void {
    if (isRacy(identity, readAt)) return;
    this.#pending.push({ identity, digest });
    if (this.#pending.length >= BATCH) this.flush();
  }

  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#database.transaction(() => {
      for (const { identity, digest } of pending) this.#write(identity, digest);
    });
  }

  #write(identity: FileIdentity, digest: Digest): void {
    const { dev, ino, size, mtimeNs, ctimeNs } = identity;
    this.#database.change("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", () => [
      BigInt.asIntN(64, dev),
      BigInt.asIntN(64, ino),
      size,
      mtimeNs,
      ctimeNs,
      digest,
      checksum(identity, digest),
      this.#database.generation(),
    ]);
  }
}

/** Linux stamps times at its tick, 10 ms at most; where no fraction is kept, the clock of times is seconds, on FAT two. */
function isRacy({ mtimeNs, ctimeNs }: FileIdentity, readAt: number): boolean {
  const coarse = mtimeNs % SECOND === 0n && ctimeNs % SECOND === 0n;
  const window = coarse ? 2_000_000_000n : 20_000_000n;
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return newest > BigInt(Math.floor(readAt)) * 1_000_000n - window;
}

function checksum({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity, digest: string): number {
  return crc32(`${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${digest}`);
}
