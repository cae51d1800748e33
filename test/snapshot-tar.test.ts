import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readTar } from "../src/layer/tar/reader.ts";
import { tarBlocks } from "../src/layer/tar/writer.ts";
import { applyEntries } from "../src/snapshot/apply.ts";
import { contentDigest } from "../src/snapshot/content-digest.ts";
import { copyEntries } from "../src/snapshot/copy.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { emptyTree } from "../src/snapshot/empty-tree.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { selectSources } from "../src/snapshot/select.ts";
import { dump } from "../src/snapshot/testing/dump.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";

const hasTar = process.geteuid?.() === 0 && spawnSync("tar", ["--version"]).status === 0;
const syscalls = loadSyscalls();
const signal = new AbortController().signal;
/** Real content: links of both kinds, setgid directories, files of other owners. */
const CONTENT = ["etc", "usr/share/zoneinfo", "var/mail", "var/log"];
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gnu-tar-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test.skipIf(!hasTar)(
  "GNU tar and we extract the same from each other's archives",
  async () => {
    const theirs = join(directory, "theirs");
    mkdirSync(theirs);
    const archive = join(directory, "a.tar");
    const paths = CONTENT.filter((path) => spawnSync("test", ["-d", `/${path}`]).status === 0);
    execFileSync(
      "tar",
      ["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-cf", archive, "-C", "/", ...paths],
      { stdio: "ignore" },
    );
    execFileSync("tar", ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, "-C", theirs]);
    const ours = join(directory, "ours");
    await applyEntries(readTar(createReadStream(archive)), ours, emptyTree, { syscalls, signal });
    const expected = dump(new DirectoryTree(theirs, { syscalls }));
    expect(withoutImplied(dump(new LayeredTree([ours], syscalls)))).toEqual(withoutImplied(expected));
    expect(expected.length).toBeGreaterThan(500);

    // And back: a copy of it all, written by us, extracted by GNU tar.
    const tree = new DirectoryTree(theirs, { syscalls });
    const expect_ = contentDigest(tree, selectSources(tree, ["."]));
    const entries = copyEntries({
      source: tree,
      paths: ["."],
      base: emptyTree,
      destination: "/",
      intoDirectory: true,
      expect: expect_,
    });
    const back = join(directory, "back");
    mkdirSync(back);
    const blocks: Uint8Array[] = [];
    for await (const block of tarBlocks(entries)) blocks.push(block);
    execFileSync("tar", ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-", "-C", back], {
      input: Buffer.concat(blocks),
    });
    expect(dump(new DirectoryTree(back, { syscalls })).slice(1)).toEqual(expected.slice(1));
  },
  120_000,
);

/** Directories that no entry describes, `usr` and the like, have GNU tar's own mode and the time of day. */
function withoutImplied(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !/^\/(?:usr|usr\/share|var)? directory /.test(line));
}
