import type { Digest } from "../oci/digest.ts";
import { digestHex } from "../oci/digest.ts";
import { AppError } from "../base/errors.ts";
import { BlobStore } from "./blobs.ts";
import { initialiseRoot } from "./initialise.ts";
import type { OnNote } from "./notes.ts";
import type { StorePaths } from "./paths.ts";
import { storePaths } from "./paths.ts";
import { reapSessions } from "./reap.ts";
import { Records } from "./records.ts";
import type { Session } from "./session.ts";
import { openSession } from "./session.ts";
import type { TempSpace } from "./temp.ts";
import { tempSpace } from "./temp.ts";

export type { OnNote } from "./notes.ts";
export type { Session } from "./session.ts";
export type { TempSpace } from "./temp.ts";

/**
 * How snapshots say what their files are: `plain` by the files' own owners and modes, `kept` by attributes
 * (snapshot/kept-metadata.ts). Both may be of one id side by side, for builds on different rungs.
 */
export type SnapshotForm = "plain" | "kept";

/** What both processes of a build do with the store: blobs and paths. */
export interface StoreAccess {
  /** Absolute, as it was given. */
  readonly root: string;
  readonly blobs: BlobStore;
  /** `snapshots/ID`, which holds `fs` and what belongs to it. Throws `STORE_BAD_NAME` where `id` is no plain name. */
  snapshotDirectory(id: string, form?: SnapshotForm): string;
  /** `caches/ID`: files that outlive builds and speed them up (RUN --mount=type=cache, Go's build cache). Nothing is made. Throws `STORE_BAD_NAME`. */
  cacheDirectory(id: string): string;
  /** `indexes/HEX.json` of a layer. */
  indexPath(diffId: Digest): string;
}

export interface Store extends StoreAccess {
  /** Opened at first use. */
  readonly records: Records;
  /** Directories of dead sessions that this user may not remove: to be removed in a user namespace. */
  readonly orphans: readonly string[];
  /** Begins the temporary files of a build. */
  session(): Session;
  /** Ends the records; sessions are closed by whoever opened them. */
  close(): void;
}

export interface StoreOptions {
  readonly onNote?: OnNote | undefined;
}

/**
 * Opens the store at `root` (an absolute path, see {@link defaultRoot} in paths.ts), making it where it
 * is not there, and removes what dead builds left. Takes about a millisecond.
 * Throws `STORE_UNWRITABLE`, `STORE_FULL`, `STORE_VERSION` or `STORE_FOREIGN` (the directory holds something else).
 */
export function openStore(root: string, options: StoreOptions = {}): Store {
  const onNote = options.onNote ?? (() => {});
  const paths = storePaths(root);
  initialiseRoot(paths);
  const orphans = reapSessions(paths);
  for (const orphan of orphans)
    onNote("SESSION_ORPHANED", `${orphan} is of a dead build and needs a user namespace to be removed`);
  let records: Records | undefined;
  return {
    ...access(paths, onNote),
    orphans,
    get records(): Records {
      return (records ??= new Records({ path: paths.records, quarantine: paths.quarantine, onNote }));
    },
    session: () => openSession(paths, onNote),
    close: () => records?.close(),
  };
}

/** The store as the worker sees it: it was opened by the control process, whose session it writes in. */
export function joinStore(
  root: string,
  sessionDirectory: string,
  options: StoreOptions = {},
): StoreAccess & { readonly temp: TempSpace } {
  return { ...access(storePaths(root), options.onNote ?? (() => {})), temp: tempSpace(sessionDirectory) };
}

function access(paths: StorePaths, onNote: OnNote): StoreAccess {
  return {
    root: paths.root,
    blobs: new BlobStore(paths, onNote),
    snapshotDirectory: (id, form = "plain") => `${paths.snapshots}/${plainName(id)}${form === "kept" ? ".kept" : ""}`,
    cacheDirectory: (id) => `${paths.caches}/${plainName(id)}`,
    indexPath: (diffId) => `${paths.indexes}/${digestHex(diffId)}.json`,
  };
}

/** A digest without its algorithm, whose colon would end a lowerdir of overlay's options. */
function plainName(id: string): string {
  const name = id.startsWith("sha256:") ? id.slice("sha256:".length) : id;
  if (/^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$/.test(name)) return name;
  throw new AppError(
    "STORE_BAD_NAME",
    `snapshot ${JSON.stringify(id)}: expected a digest or a name of letters and digits`,
  );
}
