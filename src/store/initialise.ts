import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { makeDirectories } from "../sys/make-directories.ts";
import { storeError } from "./errors.ts";
import type { StorePaths } from "./paths.ts";

/** Raised when the layout below the root changes; an older manyarch then refuses the store. */
const STORE_VERSION = 1;

/** `lost+found`: where a file system of its own is mounted there. */
const OUR_NAMES =
  /^(?:lost\+found|version|oci-layout|index\.json|blobs|snapshots|indexes|sessions|caches|quarantine|records\.db(?:-wal|-shm)?)$/;

/**
 * Makes the directories of a store where they are missing. The version file is written last, so one
 * read tells that all is there. It may be done again at any time, and by two processes at once.
 */
export function initialiseRoot(paths: StorePaths): void {
  const version = readVersion(paths);
  if (version === undefined) return create(paths);
  if (version === STORE_VERSION) return;
  throw new AppError(
    "STORE_VERSION",
    `the store at ${paths.root} has another layout: expected version ${STORE_VERSION}, found ${version}`,
    {
      hint: "Use the manyarch that made it, or give this one a store of its own with --root.",
    },
  );
}

function readVersion(paths: StorePaths): number | undefined {
  let text: string;
  try {
    text = readFileSync(paths.version, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw storeError(error, paths.version);
  }
  // Empty or cut short, after a crash or while another process writes it: all of it is made again.
  const number = /^(\d{1,9})\n$/.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

function create(paths: StorePaths): void {
  try {
    // Only the user may enter: layers hold setuid files.
    makeDirectories(paths.root, 0o700);
    refuseForeign(paths.root);
    if ((statSync(paths.root).mode & 0o077) !== 0) chmodSync(paths.root, 0o700);
    for (const directory of [
      `${paths.blobs}/sha256`,
      paths.snapshots,
      paths.indexes,
      paths.sessions,
      paths.quarantine,
    ]) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    }
    writeFileSync(paths.ociLayout, '{"imageLayoutVersion":"1.0.0"}\n');
    writeFileSync(
      `${paths.root}/index.json`,
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}\n',
    );
    writeFileSync(paths.version, `${STORE_VERSION}\n`);
  } catch (error) {
    // What is missing is made one by one, so it is the system that makes none there: /proc, /sys, a broken link.
    throw errnoOf(error) === "ENOENT" ? nothingMade(error, paths.root) : storeError(error, paths.root);
  }
}

function nothingMade(cause: unknown, root: string): AppError {
  return new AppError("STORE_UNWRITABLE", `no directory can be made at ${root}: ${messageOf(cause)}`, {
    hint: "Choose a directory of your own with --root or MANYARCH_ROOT.",
    cause,
  });
}

/** `--root ~` must not turn a home directory into a store. */
function refuseForeign(root: string): void {
  const foreign = readdirSync(root).find((name) => !OUR_NAMES.test(name));
  if (foreign === undefined) return;
  throw new AppError(
    "STORE_FOREIGN",
    `${root} is no store: expected an empty directory, found ${JSON.stringify(foreign)} in it`,
    {
      hint: "Name a new or empty directory with --root or MANYARCH_ROOT.",
    },
  );
}
