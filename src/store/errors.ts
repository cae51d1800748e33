import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { formatBytes } from "../base/bytes.ts";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import type { Digest } from "../oci/digest.ts";

/**
 * What the user is told when the file system refuses `path` of the store: `STORE_FULL`,
 * `STORE_UNWRITABLE` or, for anything else, `STORE_IO`. An AppError passes as it is.
 * `need` is how many bytes were about to be written, where that is known.
 */
export function storeError(error: unknown, path: string, need?: number): AppError {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error);
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
      return new AppError("STORE_FULL", `no space left to write ${path}: ${space(path, need)} (${errno})`, {
        hint: "Free some space or inodes there, or choose another place with --root or MANYARCH_ROOT.",
        cause: error,
        retryable: true,
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
    case "ENOTDIR":
      return new AppError("STORE_UNWRITABLE", `the store cannot be written at ${path}: ${messageOf(error)}`, {
        hint: "Choose a directory of your own with --root or MANYARCH_ROOT.",
        cause: error,
      });
    case "EMFILE":
    case "ENFILE":
      return new AppError("STORE_IO", `no file descriptor left to open ${path} (${errno})`, {
        hint: "Raise the limit (ulimit -n) or lower --jobs.",
        cause: error,
        retryable: true,
      });
    case "ENOENT":
      return new AppError("STORE_IO", `the store failed at ${path}: ${messageOf(error)}`, {
        hint: "Something took away a part of the store: run the command again.",
        cause: error,
      });
    default:
      return new AppError("STORE_IO", `the store failed at ${path}: ${messageOf(error)}`, {
        hint: "Check the disk (dmesg), or choose another place with --root or MANYARCH_ROOT.",
        cause: error,
      });
  }
}

/** A blob is good and somebody else's idea of its size is not, or the other way round. */
export function sizeMismatch(digest: Digest, expected: number, found: number): AppError {
  return new AppError("BLOB_SIZE_MISMATCH", `blob ${digest}: expected ${expected} bytes, found ${found}`, {
    retryable: true,
  });
}

/** Thrown when the blob has been set aside already. */
export function corruptBlob(digest: Digest, reason: string): AppError {
  return new AppError("BLOB_CORRUPT", `blob ${digest} of the store is corrupt: ${reason}`, {
    hint: "It was set aside; run the same command again to get it anew.",
    retryable: true,
  });
}

function space(path: string, need: number | undefined): string {
  const wanted = need === undefined ? "" : `needed ${formatBytes(need)}, `;
  const free = freeSpace(path);
  if (free === undefined) return `${wanted}free space unknown`;
  // By now others have given back what they wrote, or it is a quota that is full.
  if (need !== undefined && free.bytes >= need && free.inodes > 0) return `needed ${formatBytes(need)} more`;
  return `${wanted}found ${formatBytes(free.bytes)} and ${free.inodes} inodes free`;
}

/** Of the nearest parent that exists: `path` itself may be gone or not there yet. */
function freeSpace(path: string): { readonly bytes: number; readonly inodes: number } | undefined {
  try {
    const { bavail, bsize, ffree } = statfsSync(path);
    return { bytes: bavail * bsize, inodes: ffree };
  } catch (error) {
    const parent = dirname(path);
    return errnoOf(error) === "ENOENT" && parent !== path ? freeSpace(parent) : undefined;
  }
}

export function snapshotMissing(id: string): AppError {
  return new AppError("STORE_SNAPSHOT_MISSING", `snapshot ${id} is not in the store any more`, {
    hint: "Build again: it is made anew. Was the store pruned or changed meanwhile?",
    retryable: true,
  });
}
