import { hash } from "node:crypto";
import type { Content, Entry } from "../../layer/entry.ts";
import type { Tree } from "../tree.ts";
import { walk } from "../walk.ts";

/** Everything about a tree, one line a path, for comparison. `times` false leaves out modification times. */
export function dump(tree: Tree, { times = true } = {}): string[] {
  const lines: string[] = [];
  const describe = (path: string): void => {
    const node = tree.lstat(path);
    if (node === undefined) return;
    const xattrs = [...(node.xattrs ?? [])]
      .map(([name, value]) => ` ${name}=${Buffer.from(value).toString("hex")}`)
      .join("");
    const detail = {
      file: () => shorten(readAll(tree.open(path))),
      symlink: () => `-> ${node.target}`,
      char: () => `${node.major}:${node.minor}`,
      block: () => `${node.major}:${node.minor}`,
      directory: () => "",
      fifo: () => "",
      socket: () => "",
    }[node.type]();
    const time = times ? ` @${node.mtime}` : "";
    lines.push(`/${path} ${node.type} ${node.mode.toString(8)} ${node.uid}:${node.gid}${time}${xattrs} ${detail}`);
  };
  describe("");
  for (const { path } of walk(tree, "")) describe(path);
  return lines;
}

function shorten(bytes: Buffer): string {
  return bytes.length > 200 ? hash("sha256", bytes) : JSON.stringify(bytes.toString("latin1"));
}

export function readAll(content: Content): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = content.next(); bytes !== undefined; bytes = content.next()) {
    if (bytes instanceof Promise) throw new Error("a promise");
    parts.push(Buffer.from(bytes));
  }
  content.close();
  return Buffer.concat(parts);
}

/** Entries one line each, content read as a sink would. */
export function listEntries(entries: Iterable<Entry>): string[] {
  const lines: string[] = [];
  for (const entry of entries) {
    if (entry.type === "whiteout" || entry.type === "opaque") {
      lines.push(`${entry.path} ${entry.type}`);
      continue;
    }
    const detail =
      entry.type === "file"
        ? ` ${JSON.stringify(readAll(entry.content).toString("latin1"))}`
        : entry.type === "symlink" || entry.type === "hardlink"
          ? ` -> ${entry.target}`
          : "";
    lines.push(`${entry.path} ${entry.type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}${detail}`);
  }
  return lines;
}
