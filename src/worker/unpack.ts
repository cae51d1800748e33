import { fromUtf8 } from "../layer/entry.ts";
import type { Content, Entry } from "../layer/entry.ts";
import { isArchive, openArchive } from "../layer/archive.ts";
import { readTar } from "../layer/tar/reader.ts";
import { AppError } from "../base/errors.ts";
import { HashedContent } from "../snapshot/content-digest.ts";
import { DirectoryTree } from "../snapshot/dir-tree.ts";
import { emptyTree } from "../snapshot/empty-tree.ts";
import { showPath } from "../snapshot/resolve-path.ts";
import type { Source } from "../snapshot/select.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { WorkerContext } from "./context.ts";
import { extract } from "./result.ts";
import { StandIns } from "./stand-ins.ts";

export interface Unpacked {
  readonly sources: readonly Source[];
  close(): void;
}

/**
 * Replaces those of `packed` among the sources of an ADD that are archives by the directories they hold. They are extracted to a
 * temporary place first: an archive may be of any size, and its links must not lead out of the root.
 */
export async function unpackSources(
  sources: readonly Source[],
  packed: ReadonlySet<Source>,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<Unpacked> {
  const directories: string[] = [];
  const close = (): void => directories.forEach((directory) => removeTree(fromUtf8(directory)));
  try {
    const unpacked: Source[] = [];
    for (const source of sources) {
      const open = (): AsyncIterable<Uint8Array> => chunksOf(source.tree.open(source.path));
      if (!packed.has(source) || source.node.type !== "file" || !(await isArchive(open, { signal }))) {
        unpacked.push(source);
        continue;
      }
      const directory = context.temp.tempPath("archive");
      directories.push(directory);
      unpacked.push(await unpack(source, directory, context, signal));
    }
    return { sources: unpacked, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function unpack(source: Source, directory: string, context: WorkerContext, signal: AbortSignal): Promise<Source> {
  const hashed = new HashedContent(source.tree.open(source.path));
  try {
    const whole = chunksOf(hashed);
    let opened = 0;
    // The first look is for what it is packed with, the second one reads it all.
    const open = (): AsyncIterable<Uint8Array> => (opened++ === 0 ? chunksOf(source.tree.open(source.path)) : whole);
    const standIns = new StandIns();
    const described = new Set<string>();
    const entries = plainEntries(source, readTar(openArchive(open, { signal })), standIns, described);
    await extract(entries, directory, emptyTree, context, signal);
    const tree = standIns.reveal(new DirectoryTree(directory, { syscalls: context.syscalls }));
    const { mode, uid, gid, size, links, xattrs } = tree.lstat("")!;
    const node = { type: "directory", mode, uid, gid, size, links, xattrs, mtime: source.node.mtime } as const;
    const describes = (path: string): boolean => described.has(path);
    return { name: source.name, path: "", node, tree, archive: { source, digest: hashed.digest(), describes } };
  } finally {
    hashed.close();
  }
}

/** A name that begins with `.wh.` is a removal in a layer, which an archive cannot mean. */
async function* plainEntries(
  source: Source,
  entries: AsyncIterable<Entry>,
  standIns: StandIns,
  described: Set<string>,
): AsyncGenerator<Entry, void> {
  for await (const entry of entries) {
    if (entry.type === "whiteout" || entry.type === "opaque") {
      throw new AppError(
        "ADD_ARCHIVE_NAME",
        `archive ${showPath(source.path)} holds a file whose name begins with .wh.`,
        {
          hint: "Such a name means a removal in an image: rename it, or write ADD --unpack=false.",
        },
      );
    }
    if (entry.type === "directory") described.add(entry.path);
    yield standIns.replace(entry);
  }
}

async function* chunksOf(content: Content): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const bytes = await content.next();
      if (bytes === undefined) return;
      // Decoders keep chunks for a while; a content writes into its buffer again.
      yield Buffer.from(bytes);
    }
  } finally {
    content.close();
  }
}
