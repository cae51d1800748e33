import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { Entry } from "../../src/layer/entry.ts";
import { bytesContent } from "../../src/layer/file-content.ts";
import { applyEntries } from "../../src/snapshot/apply.ts";
import { diffEntries } from "../../src/snapshot/diff.ts";
import { DirectoryTree } from "../../src/snapshot/dir-tree.ts";
import { LayeredTree } from "../../src/snapshot/layered-tree.ts";
import { makeUpper, mountOverlay, unmount } from "../../src/snapshot/overlay.ts";
import { dump, listEntries } from "../../src/snapshot/testing/dump.ts";
import { loadSyscalls } from "../../src/sys/load-syscalls.ts";

/** Run as root of a user namespace, with an empty directory; prints what test/snapshot-userns.test.ts compares. */
const [directory = ""] = process.argv.slice(2);
const syscalls = loadSyscalls();
const notices: string[] = [];
const options = { syscalls, signal: new AbortController().signal, onNotice: (text: string) => void notices.push(text) };
const METADATA = { mode: 0o755, uid: 0, gid: 0, mtime: 5n };
const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
const at = (name: string): string => join(directory, name);

function file(path: string, id: number): Entry {
  const xattrs = new Map([["security.capability", capability]]);
  return {
    type: "file",
    path,
    ...METADATA,
    mode: 0o4755,
    uid: id,
    gid: id,
    size: 1,
    content: bytesContent(Buffer.from("x")),
    xattrs,
  };
}

const chain = [at("0"), at("1")];
const lowest: Entry[] = [
  file("a/su", 5),
  file("a/b/c", 1000),
  { type: "char", path: "null", ...METADATA, major: 1, minor: 3 },
  { type: "fifo", path: "p", ...METADATA },
  { type: "directory", path: "gone/x", ...METADATA },
];
await applyEntries(lowest, chain[0]!, new LayeredTree([], syscalls), options);
const hides: Entry[] = [
  { type: "whiteout", path: "gone/x" },
  { type: "opaque", path: "a/b" },
];
await applyEntries(hides, chain[1]!, new LayeredTree([chain[0]!], syscalls), options);
const tree = new LayeredTree(chain, syscalls);
const extracted = dump(tree);

const [upper, work, target] = [at("upper"), at("work"), at("merged")];
for (const path of [work, target]) mkdirSync(path);
makeUpper(upper, tree, syscalls);
mountOverlay({ lower: chain, upper, work, target, syscalls });
const mounted = dump(new DirectoryTree(target, { syscalls }));
rmSync(join(target, "a"), { recursive: true });
mkdirSync(join(target, "a"));
writeFileSync(join(target, "a/new"), "n");
linkSync(join(target, "a/new"), join(target, "l"));
unmount(target, syscalls);
const changes = listEntries(diffEntries(upper, tree, { syscalls }));

const unmapped = await applyEntries([file("x", 70_000)], at("bad"), new LayeredTree([], syscalls), options).then(
  () => "",
  messageOf,
);
console.log(JSON.stringify({ extracted, mounted, changes, notices, unmapped }));
