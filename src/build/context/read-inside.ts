import { posix } from "node:path";
import { AppError } from "../../base/errors.ts";
import { fromUtf8, type Entry } from "../../layer/entry.ts";

export interface Found {
  /** The first of the wanted paths that is there. */
  readonly file: { readonly path: string; readonly bytes: Uint8Array } | undefined;
  /** Nanoseconds since the epoch: of the root, where the entries tell of it. */
  readonly rootTime: bigint | undefined;
  /** Of the file that changed last. */
  readonly newest: bigint | undefined;
}

/** Far more than any Dockerfile; what is larger was not meant to be one. */
const SIZE_LIMIT = 16 * 1024 * 1024;
const MAX_PASSES = 8;

/**
 * Looks for a file in what an archive or a layer holds; links are followed inside of it. Everything is read
 * each time, as only then it is known to be what it should be.
 */
export async function readInside(open: () => AsyncIterable<Entry>, paths: readonly string[]): Promise<Found> {
  let places: readonly string[] = paths.map((path) => fromUtf8(posix.join("/", path).slice(1)));
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const scan = await scanEntries(open(), new Set(places));
    const real = places.map((place) => follow(place, scan.links));
    const at = real.findIndex((place) => scan.files.has(place));
    const { rootTime, newest } = scan;
    const missing = real.filter((place) => !places.includes(place));
    if (at >= 0 && missing.length === 0)
      return { file: { path: paths[at]!, bytes: scan.files.get(real[at]!)! }, rootTime, newest };
    if (missing.length === 0) return { file: undefined, rootTime, newest };
    places = real;
  }
  throw new AppError("CONTEXT_UNREADABLE", `${paths.join(" and ")} of the build context leads through too many links`, {
    hint: "Put the Dockerfile itself there.",
  });
}

interface Scan {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of symbolic links, and of other names of a file. */
  readonly links: ReadonlyMap<string, string>;
  readonly rootTime: bigint | undefined;
  readonly newest: bigint | undefined;
}

async function scanEntries(entries: AsyncIterable<Entry>, wanted: ReadonlySet<string>): Promise<Scan> {
  const files = new Map<string, Uint8Array>();
  const links = new Map<string, string>();
  let rootTime: bigint | undefined;
  let newest: bigint | undefined;
  for await (const entry of entries) {
    links.delete(entry.path);
    if (entry.type === "symlink") links.set(entry.path, entry.target);
    if (entry.type === "hardlink" && wanted.has(entry.path)) links.set(entry.path, `/${entry.target}`);
    if (entry.type === "directory" && entry.path === "") rootTime = entry.mtime;
    if (entry.type !== "file") continue;
    if (newest === undefined || entry.mtime > newest) newest = entry.mtime;
    if (!wanted.has(entry.path)) continue;
    if (entry.size > SIZE_LIMIT) throw tooLarge(entry.path, entry.size);
    files.set(entry.path, await bytesOf(entry));
  }
  return { files, links, rootTime, newest };
}

async function bytesOf({ content }: Entry & { readonly type: "file" }): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await content.next(); chunk !== undefined; chunk = await content.next())
    chunks.push(Uint8Array.from(chunk));
  content.close();
  return Buffer.concat(chunks);
}

/** Where a path leads, component by component and never out of the root; the path itself where it leads in circles. */
function follow(path: string, links: ReadonlyMap<string, string>): string {
  let todo = path.split("/");
  let done = "";
  for (let hops = 0; todo.length > 0;) {
    const [name = "", ...rest] = todo;
    const next = posix.join("/", done, name).slice(1);
    const target = links.get(next);
    if (target === undefined) {
      [done, todo] = [next, rest];
      continue;
    }
    if (++hops > 255) return path;
    todo = [...target.split("/"), ...rest];
    if (target.startsWith("/")) done = "";
  }
  return done;
}

function tooLarge(path: string, size: number): AppError {
  return new AppError("DOCKERFILE_TOO_LARGE", `${path} has ${size} bytes, expected at most ${SIZE_LIMIT}`, {
    hint: "Check that it is the file you meant.",
  });
}
