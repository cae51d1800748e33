import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { ProcessContext } from "../base/context.ts";
import type { Digest } from "../oci/digest.ts";
import { digestAlgorithm, digestHex } from "../oci/digest.ts";

/**
 * Where everything of a store is. This is the only place that joins its paths; digests are checked
 * when they are parsed, so no name here can lead out of the root.
 */
export interface StorePaths {
  readonly root: string;
  readonly version: string;
  readonly ociLayout: string;
  readonly blobs: string;
  readonly snapshots: string;
  readonly indexes: string;
  readonly sessions: string;
  readonly caches: string;
  readonly quarantine: string;
  readonly records: string;
}

/** The store's root: `--root`, else `MANYARCH_ROOT`, else the XDG data directory of the user. */
export function defaultRoot(context: Pick<ProcessContext, "env" | "cwd">, flag?: string): string {
  const chosen = flag ?? nonEmpty(context.env["MANYARCH_ROOT"]);
  if (chosen !== undefined) return resolve(context.cwd, chosen);
  // XDG base directory specification: a relative value is to be ignored.
  const data = nonEmpty(context.env["XDG_DATA_HOME"]);
  if (data !== undefined && isAbsolute(data)) return join(data, "manyarch");
  return join(nonEmpty(context.env["HOME"]) ?? homedir(), ".local/share/manyarch");
}

export function storePaths(root: string): StorePaths {
  return {
    root,
    version: join(root, "version"),
    ociLayout: join(root, "oci-layout"),
    blobs: join(root, "blobs"),
    snapshots: join(root, "snapshots"),
    indexes: join(root, "indexes"),
    sessions: join(root, "sessions"),
    caches: join(root, "caches"),
    quarantine: join(root, "quarantine"),
    records: join(root, "records.db"),
  };
}

export function blobPath(paths: StorePaths, digest: Digest): string {
  return `${paths.blobs}/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
