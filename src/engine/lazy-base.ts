/**
 * Whether a file can be copied onto a base image without reading the base.
 *
 * A COPY depends on the file system below it: a parent of the destination may be a symlink there
 * (`/bin -> usr/bin`), or the destination itself a directory that the file must go into. To know, one
 * must read the base's layers. That costs a download which a push does not need, as the registry has
 * those layers, so it is saved where the answer is known anyway: the destination lies outside the
 * directories that distributions own, and the base's own account of how it was made, complete for
 * every layer, never names it. In doubt the base is read (its headers only, never extracted).
 */
export function isClearOfBase(destination: string, history: readonly string[], layerCount: number): boolean {
  const first = destination.split("/").find((part) => part !== "");
  if (first === undefined) return false;
  if (DISTRIBUTION_DIRECTORIES.has(first)) return false;
  if (history.length < layerCount) return false;
  return !history.some((line) => mentions(line, first));
}

/** Top-level names of the file system hierarchy standard and of merged-usr systems. */
const DISTRIBUTION_DIRECTORIES: ReadonlySet<string> = new Set([
  "bin",
  "boot",
  "busybox",
  "dev",
  "etc",
  "home",
  "lib",
  "lib32",
  "lib64",
  "libx32",
  "media",
  "mnt",
  "opt",
  "proc",
  "root",
  "run",
  "sbin",
  "snap",
  "srv",
  "sys",
  "tmp",
  "usr",
  "var",
  "nix",
  "gnu",
  "data",
  "go",
  "workspace",
]);

/**
 * A history line speaks of `/name` in any of the ways Dockerfiles make directories. A COPY of a whole
 * tree to the root may bring anything; an archive added to the root is a distribution's own, which
 * holds the directories above.
 */
function mentions(line: string, name: string): boolean {
  if (new RegExp(`(^|[\\s"'=:/])${escapeRegExp(name)}($|[\\s"'/;&|])`).test(line)) return true;
  const toRoot = /\b(COPY|ADD)\b.*\s\/\s*(# buildkit)?$/.test(line);
  return toRoot && !/\bADD (file:[0-9a-f]+ in |\S+\.tar(\.\w+)? )/.test(line);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
