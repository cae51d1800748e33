import { readdirSync, readlinkSync } from "node:fs";

/**
 * A path as a `latin1` string, one character per byte, as in layer/entry.ts: file names need not be
 * UTF-8. What node:fs takes is made by {@link fsPath}; a path of the user's becomes one by `fromUtf8`.
 */
export type BytesPath = string;

/** The form of `path` that names the same bytes to node:fs. ASCII stays a string, which is cheaper than a Buffer. */
export function fsPath(path: BytesPath): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, "latin1");
}

/** The names in a directory, in bytewise order, which for latin1 strings is the order of `sort`. */
export function readNames(directory: BytesPath): BytesPath[] {
  return readdirSync(fsPath(directory), { encoding: "latin1" }).sort();
}

/** The text of a symbolic link, byte for byte. */
export function readLink(path: BytesPath): BytesPath {
  return readlinkSync(fsPath(path), { encoding: "latin1" });
}

function isAscii(path: string): boolean {
  // A regular expression beats a loop over charCodeAt from 12 characters on, and paths are longer.
  return !/[^\x00-\x7f]/.test(path);
}
