import { Hidden } from "../../base/hidden.ts";
import type { TimeSource } from "../../frontend/dockerfile/to-graph/request.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BuildRequest } from "../request.ts";
import { parseContextAddress } from "./address.ts";
import { readInside } from "./read-inside.ts";
import { entriesOf, fetchSource, type Fetched, type SourceAccess } from "./sources.ts";

/** What the time of the build is asked of; undefined where it is a directory or an image, which have none. */
export async function fetchTimed(
  source: TimeSource,
  contexts: BuildRequest["contexts"],
  context: Fetched | undefined,
  access: SourceAccess,
): Promise<Fetched | undefined> {
  switch (source.kind) {
    case "context":
      return context;
    case "named": {
      const named = contexts.get(source.name);
      return named?.kind === "address" ? fetchSource(parseContextAddress(named.address), access) : undefined;
    }
    case "remote": {
      const step = parseContextAddress(new Hidden(source.address));
      const checksum = source.checksum as Digest | undefined;
      return fetchSource(checksum === undefined ? step : { ...step, checksum }, access);
    }
  }
}

/**
 * Seconds since 1970: a commit's, what a server says of a file, else the newest file of an archive; undefined
 * where none of them is known.
 */
export async function timeOf(fetched: Fetched, access: SourceAccess): Promise<number | undefined> {
  if (fetched.kind !== "repository" && fetched.file.mtime !== "0") return seconds(BigInt(fetched.file.mtime));
  if (fetched.kind === "file") return undefined;
  const { rootTime, newest } = await readInside(() => entriesOf(fetched, access), []);
  return seconds(fetched.kind === "repository" ? rootTime : newest);
}

function seconds(nanoseconds: bigint | undefined): number | undefined {
  return nanoseconds === undefined ? undefined : Number(nanoseconds / 1_000_000_000n);
}
