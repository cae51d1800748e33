import { createHash } from "node:crypto";
import { runSteps } from "../base/steps.ts";
import type { Content } from "../layer/entry.ts";
import type { Digest } from "../oci/digest.ts";
import { selectNodes } from "./select.ts";
import type { Selected, Source } from "./select.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** Changes whenever equal content could get another digest. */
const VERSION = "manyarch content 1";

/** The raw sha256 of a regular file's bytes. */
export type HashFile = (path: string, node: TreeNode) => Uint8Array;

/**
 * What COPY copies, as one digest: of each thing named and everything in it the type, path, mode,
 * owner, link text, device numbers, attributes and bytes, but no times and no hard links. Of a
 * directory that is named only what is in it counts, as only that is copied; with itself where a source says so.
 */
export function contentDigest(tree: Tree, sources: readonly Source[], hashFile?: HashFile): Digest {
  return runSteps(digestSteps(tree, sources, hashFile));
}

/** As {@link contentDigest}, for much: yields after each file. */
export function* digestSteps(
  tree: Tree,
  sources: readonly Source[],
  hashFile: HashFile = fileHasher(tree),
): Generator<void, Digest> {
  const hasher = new ContentHasher();
  for (const source of sources) {
    for (const selected of selectNodes(tree, source)) {
      const { node } = selected;
      hasher.add(source, selected, node.type === "file" ? hashFile(selected.source, node) : undefined);
      yield;
    }
  }
  return hasher.digest();
}

/** Hashes files by reading them. Throws `FILE_CHANGED` and `FILE_UNREADABLE`. */
export function fileHasher(tree: Tree): HashFile {
  return (path) => {
    const hashed = new HashedContent(tree.open(path));
    try {
      return hashed.digest();
    } finally {
      hashed.close();
    }
  };
}

/** Makes a {@link contentDigest} of nodes that come one by one, in the order of the selection. */
export class ContentHasher {
  readonly #hash = createHash("sha256").update(frame(VERSION));

  add(source: Source, selected: Selected, fileDigest: Uint8Array | undefined): void {
    this.#hash.update(record(source, selected, fileDigest), "latin1");
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}` as Digest;
  }
}

/** Passes content through and hashes it on the way. */
export class HashedContent implements Content {
  readonly #content: Content;
  readonly #hash = createHash("sha256");
  #ended = false;

  constructor(content: Content) {
    this.#content = content;
  }

  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const bytes = this.#content.next();
    return bytes instanceof Promise ? bytes.then((waited) => this.#pass(waited)) : this.#pass(bytes);
  }

  close(): void {
    this.#content.close();
  }

  /** The raw sha256 of all bytes; reads on to the end where nobody has. */
  digest(): Uint8Array {
    while (!this.#ended) {
      if (this.next() instanceof Promise) throw new Error("content of a tree came with a promise");
    }
    return this.#hash.digest();
  }

  #pass(bytes: Uint8Array | undefined): Uint8Array | undefined {
    if (bytes === undefined) this.#ended = true;
    else this.#hash.update(bytes);
    return bytes;
  }
}

function record(source: Source, { relative, node }: Selected, fileDigest: Uint8Array | undefined): string {
  const named = relative === "";
  if (named && node.type === "directory" && source.withItself !== true) return frame("source") + frame("directory");
  const fields = [
    named ? "source" : "inner",
    node.type,
    named ? source.name : relative,
    `${node.mode} ${node.uid} ${node.gid}`,
  ];
  if (node.type === "symlink") fields.push(node.target ?? "");
  if (node.type === "char" || node.type === "block") fields.push(`${node.major} ${node.minor}`);
  if (fileDigest !== undefined) fields.push(latin1(fileDigest));
  for (const [name, value] of node.xattrs ?? []) fields.push(name, latin1(value));
  return frame(String(fields.length)) + fields.map(frame).join("");
}

/** A netstring: no field can pass for two. */
function frame(field: string): string {
  return `${field.length}:${field},`;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
