import { appendFileSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../src/layer/entry.ts";
import { bytesContent } from "../../src/layer/file-content.ts";
import { applyEntries } from "../../src/snapshot/apply.ts";
import { copyRoot } from "../../src/snapshot/copy-root.ts";
import { diffEntries } from "../../src/snapshot/diff.ts";
import { DirectoryTree } from "../../src/snapshot/dir-tree.ts";
import { keepMetadata } from "../../src/snapshot/kept-metadata.ts";
import { LayeredTree } from "../../src/snapshot/layered-tree.ts";
import { dump, listEntries } from "../../src/snapshot/testing/dump.ts";
import { loadSyscalls } from "../../src/sys/load-syscalls.ts";

/** Run as a user who owns nothing but his own, with an empty directory; prints what the test compares. */
const [directory = ""] = process.argv.slice(2);
const syscalls = { ...loadSyscalls(), keepsMetadata: true };
const { signal } = new AbortController();
const at = (name: string): string => join(directory, name);
const METADATA = { mode: 0o755, uid: 0, gid: 0, mtime: 5n };
const capability = new Map([["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")]]);

function file(path: string, more: Partial<Entry>): Entry {
  return { type: "file", path, ...METADATA, size: 1, content: bytesContent(Buffer.from("x")), ...more } as Entry;
}

const base: Entry[] = [
  file("etc/shadow", { mode: 0, gid: 42 }),
  file("bin/su", { mode: 0o4755, xattrs: capability }),
  file("srv/data", { uid: 33, gid: 33 }),
  { type: "symlink", path: "srv/link", target: "data", ...METADATA, uid: 33 },
  { type: "directory", path: "closed", ...METADATA, mode: 0o500, uid: 7 },
  file("closed/in", { uid: 8 }),
  { type: "char", path: "dev/null", ...METADATA, mode: 0o666, major: 1, minor: 3 },
  { type: "fifo", path: "dev/p", ...METADATA, uid: 9 },
  file("plain", {}),
];

const chain = [at("base")];
await applyEntries(base, at("base"), new LayeredTree([], syscalls), { syscalls, signal });
const roots = copyRoot({ place: at("copies"), syscalls });

/** What a RUN does there whose chown and mknod are faked. */
const rounds: readonly ((root: string) => void)[] = [
  () => {},
  (root) => {
    keepMetadata(join(root, "srv/data"), { uid: 50, gid: 51, mode: 0o640 }, "file", syscalls);
    keepMetadata(join(root, "plain"), { uid: 0, gid: 0, mode: 0o755 }, "file", syscalls);
    appendFileSync(join(root, "etc/shadow"), "y");
    rmSync(join(root, "dev/p"));
    writeFileSync(join(root, "closed/new"), "");
    writeFileSync(join(root, "zero"), "");
    keepMetadata(
      join(root, "zero"),
      { uid: 0, gid: 6, mode: 0o600, device: { type: "block", major: 8, minor: 1 } },
      "file",
      syscalls,
    );
  },
  (root) => linkSync(join(root, "bin/su"), join(root, "bin/sudo")),
];

const found: unknown[] = [];
for (const [round, run] of rounds.entries()) {
  const space = at(`space-${round}`);
  mkdirSync(space);
  const root = await roots.open({ lower: chain, upper: `${space}/fs`, space }, signal);
  const below = new LayeredTree(chain, syscalls);
  const copied = dump(new DirectoryTree(root.directory, { syscalls })).slice(1);
  run(root.directory);
  root.release();
  await root.collect(signal);
  chain.push(`${space}/fs`);
  found.push({
    same: JSON.stringify(copied) === JSON.stringify(dump(below).slice(1)),
    entries: listEntries(diffEntries(`${space}/fs`, below, { syscalls })),
  });
}
console.log(JSON.stringify({ found, shown: dump(new LayeredTree(chain, syscalls), { times: false }) }));
