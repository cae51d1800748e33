import { readdirSync, unlinkSync } from "node:fs";
import { fromUtf8 } from "../layer/entry.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { makeWhiteout } from "./whiteout.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

const PREFIX = ".wh.";
const OPAQUE_FILE = ".wh..wh..opq";
/** How fuse-overlayfs marks a directory that hides what is below: as root, or else. */
const MARKS = ["trusted.overlay.opaque", "user.fuseoverlayfs.opaque"];

/**
 * Brings what fuse-overlayfs wrote into the form of all snapshots. It writes whiteouts as devices where it may
 * make those, and as files named `.wh.NAME` elsewhere; no name of an image begins so.
 */
export function toOverlayForm(upper: string, syscalls: Syscalls): void {
  convert(fromUtf8(upper), syscalls);
}

function convert(directory: BytesPath, syscalls: Syscalls): void {
  let opaque = MARKS.some((mark) => removeMark(directory, mark, syscalls));
  for (const entry of readdirSync(fsPath(directory), { encoding: "latin1", withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) convert(path, syscalls);
    else if (entry.name.startsWith(PREFIX)) {
      unlinkSync(fsPath(path));
      if (entry.name === OPAQUE_FILE) opaque = true;
      else makeWhiteout(directory, entry.name.slice(PREFIX.length), syscalls);
    }
  }
  if (opaque) syscalls.lsetxattr(directory, OPAQUE_XATTR, Buffer.from("y"));
}

function removeMark(directory: BytesPath, mark: string, syscalls: Syscalls): boolean {
  if (syscalls.lgetxattr(directory, mark)?.toString() !== "y") return false;
  syscalls.lremovexattr(directory, mark);
  return true;
}
