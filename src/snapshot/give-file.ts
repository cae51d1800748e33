import { chmodSync, chownSync, lstatSync } from "node:fs";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { keepMetadata } from "./kept-metadata.ts";

/**
 * Gives a file or directory of ours to a user of a RUN. Where we may give nothing away it stays ours, and whose
 * it is is kept with it; a socket just stays ours then.
 */
export function giveFile(
  path: BytesPath,
  owner: { readonly uid: number; readonly gid: number; readonly mode: number },
  syscalls: Syscalls,
): void {
  const place = fsPath(path);
  if (syscalls.keepsMetadata !== true) {
    chownSync(place, owner.uid, owner.gid);
    return chmodSync(place, owner.mode);
  }
  const found = lstatSync(place);
  if (found.isDirectory() || found.isFile())
    keepMetadata(path, owner, found.isDirectory() ? "directory" : "file", syscalls);
}
