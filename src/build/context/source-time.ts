import type { SourceAccess } from "./sources.ts";
import { entriesOf, type Fetched } from "./sources.ts";
import { readInside } from "./read-inside.ts";

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
