import { encodeUtf8 } from "../base/utf8.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { MemoryTree } from "./memory-tree.ts";
import type { Source } from "./select.ts";

/** A file whose content stands in the Dockerfile. */
export interface InlineFile {
  /** Its name, without directories. */
  readonly name: string;
  /** Text that keeps bytes which are no UTF-8 (base/utf8.ts). */
  readonly content: string;
}

/** Inline files as sources of a COPY: 0644, root's, of the time `mtime` (nanoseconds since the epoch). */
export function inlineSources(files: readonly InlineFile[], mtime: bigint): readonly Source[] {
  return files.map(({ name, content }) => {
    const tree = new MemoryTree();
    const path = fromUtf8(name);
    const bytes = encodeUtf8(content);
    const file = { type: "file", path, mode: 0o644, uid: 0, gid: 0, mtime, size: bytes.length } as const;
    tree.apply(file, bytes);
    return { name: path, path, node: tree.lstat(path)!, tree };
  });
}
