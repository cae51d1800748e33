import { join } from "node:path";
import type { Content, Entry } from "../layer/entry.ts";
import { tarBlocks } from "../layer/tar/writer.ts";
import { digestAlgorithm, digestHex, type Digest } from "../oci/digest.ts";
import { familiarReference, type Reference } from "../oci/reference.ts";
import { openSink, type Sink } from "./file-sink.ts";
import type { Document, Image, Layer } from "./image.ts";
import { encodeLayoutIndex, existingEntries } from "./layout-index.ts";
import { exclusively } from "./layout-lock.ts";

export interface LayoutOptions {
  readonly images: readonly Image[];
  readonly index: Document | undefined;
  readonly tags: readonly Reference[];
  /** Seconds since the epoch: the time of every file in the tar. Default 0, so that equal images give equal files. */
  readonly epoch: number | undefined;
  /** With docker's own manifest.json beside index.json, which `docker load` of any age reads. One image only. */
  readonly dockerManifest?: boolean | undefined;
  readonly signal: AbortSignal;
  readBlob(digest: Digest, size: number): AsyncIterable<Uint8Array>;
}

/** One file of an OCI image layout. */
interface LayoutFile {
  readonly path: string;
  readonly size: number;
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const LAYOUT_VERSION = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/** Writes an OCI layout as one tar, to a file or (`-`) to standard output. A file appears whole or not at all. */
export async function writeLayoutTar(options: LayoutOptions, destination: string): Promise<void> {
  await writeLayout(options, openSink(destination, options.signal));
}

/** Writes an OCI layout as one tar into `sink`, which is committed or, where anything fails, given up. */
export async function writeLayout(options: LayoutOptions, sink: Sink): Promise<void> {
  try {
    await writeTar(options, sink);
    await sink.commit();
  } catch (error) {
    sink.abort();
    throw error;
  }
}

/**
 * Writes an OCI layout into a directory, beside the images that are in it: its index.json keeps the
 * entries of other names, those of builds that write at the same time too. Blobs come first, index.json last.
 */
export async function writeLayoutDirectory(options: LayoutOptions, directory: string): Promise<void> {
  const { signal } = options;
  existingEntries(directory); // What is no layout is not to become half of one.
  for await (const file of layoutFiles(options)) await writeFile(file, directory, signal);
  await exclusively(directory, signal, () =>
    writeFile(bytesFile("index.json", encodeLayoutIndex(options, existingEntries(directory))), directory, signal),
  );
}

async function writeFile(file: LayoutFile, directory: string, signal: AbortSignal): Promise<void> {
  const sink = openSink(join(directory, file.path), signal);
  try {
    for await (const chunk of file.read()) await sink.write(chunk);
    await sink.commit();
  } catch (error) {
    sink.abort();
    throw error;
  }
}

async function writeTar(options: LayoutOptions, sink: Sink): Promise<void> {
  const mtime = BigInt(options.epoch ?? 0) * 1_000_000_000n;
  const entries = async function* (): AsyncGenerator<Entry> {
    const metadata = { mode: 0o755, uid: 0, gid: 0, mtime } as const;
    yield { type: "directory", path: "blobs", ...metadata };
    yield { type: "directory", path: "blobs/sha256", ...metadata };
    const entryOf = ({ path, size, read }: LayoutFile): Entry => {
      return { type: "file", path, ...metadata, mode: 0o644, size, content: streamContent(read()) };
    };
    for await (const file of layoutFiles(options)) yield entryOf(file);
    yield entryOf(bytesFile("index.json", encodeLayoutIndex(options, [])));
  };
  for await (const block of tarBlocks(entries(), {})) {
    options.signal.throwIfAborted();
    await sink.write(block);
  }
}

/** How many layers of bases are fetched ahead of the one that is written. */
const PARALLEL = 6;

/** Brings a base's layers here several at a time, in the order in which they are written. */
function fetchAhead(layers: readonly Layer[], signal: AbortSignal): (index: number) => Promise<void> {
  const fetches: Promise<void>[] = [];
  const fetch = ({ source }: Layer): Promise<void> =>
    source.kind === "registry" ? source.fetch(signal) : Promise.resolve();
  return (index) => {
    for (const layer of layers.slice(fetches.length, index + PARALLEL)) {
      const fetched = fetch(layer);
      fetched.catch(() => {}); // Whoever waits for it gets the error.
      fetches.push(fetched);
    }
    return fetches[index] ?? Promise.resolve();
  };
}

/** All but index.json, which comes last. */
async function* layoutFiles(options: LayoutOptions): AsyncGenerator<LayoutFile> {
  const written = new Set<Digest>();
  const stop = new AbortController();
  const layers = [...new Map(options.images.flatMap((i) => i.layers).map((l) => [l.descriptor.digest, l])).values()];
  const fetched = fetchAhead(layers, AbortSignal.any([options.signal, stop.signal]));
  try {
    for (const [index, { descriptor }] of layers.entries()) {
      written.add(descriptor.digest);
      await fetched(index);
      yield {
        path: blobPath(descriptor.digest),
        size: descriptor.size,
        read: () => options.readBlob(descriptor.digest, descriptor.size),
      };
    }
  } finally {
    stop.abort(); // Of fetches that nobody waits for any more.
  }
  const documents = [
    ...options.images.flatMap((image) => [image.config, image.manifest]),
    ...(options.index ? [options.index] : []),
  ];
  for (const { descriptor, bytes } of documents) {
    if (written.has(descriptor.digest)) continue;
    written.add(descriptor.digest);
    yield bytesFile(blobPath(descriptor.digest), bytes);
  }
  yield bytesFile("oci-layout", LAYOUT_VERSION);
  if (options.dockerManifest === true) yield bytesFile("manifest.json", dockerManifest(options));
}

/** What `docker save` calls its table of contents; paths are those of the layout. */
function dockerManifest({ images, tags }: LayoutOptions): Uint8Array {
  const entries = images.map(({ config, layers }) => ({
    Config: blobPath(config.descriptor.digest),
    RepoTags: tags.length > 0 ? tags.map(familiarReference) : null,
    Layers: layers.map(({ descriptor }) => blobPath(descriptor.digest)),
  }));
  return Buffer.from(JSON.stringify(entries));
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

function bytesFile(path: string, bytes: Uint8Array): LayoutFile {
  return { path, size: bytes.length, read: () => [bytes] };
}

/** Bytes that arrive over time as the content of a tar entry. */
function streamContent(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Content {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  return {
    next: async () => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    },
    close: () => void iterator.return?.(undefined),
  };
}
