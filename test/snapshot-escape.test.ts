import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../src/base/errors.ts";
import type { Entry } from "../src/layer/entry.ts";
import { bytesContent } from "../src/layer/file-content.ts";
import { applyEntries } from "../src/snapshot/apply.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { emptyTree } from "../src/snapshot/empty-tree.ts";
import { exportTree } from "../src/snapshot/export-tree.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { dump } from "../src/snapshot/testing/dump.ts";
import { treeOf } from "../src/snapshot/testing/tree-of.ts";

const isRoot = process.geteuid?.() === 0;
const syscalls = loadSyscalls();
const signal = new AbortController().signal;
const METADATA = {
  mode: 0o777,
  uid: 7,
  gid: 7,
  mtime: 5_000_000_000n,
  xattrs: new Map([["user.planted", Buffer.from("x")]]),
};

let directory = "";
let outside = "";

/** `outside` is what nothing may touch; `root/` holds the layers. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "escape-"));
  outside = join(directory, "outside");
  mkdirSync(join(outside, "sub"), { recursive: true });
  writeFileSync(join(outside, "victim"), "as it was");
  writeFileSync(join(outside, "sub/victim"), "as it was");
  chmodSync(join(outside, "victim"), 0o600);
  mkdirSync(join(directory, "root"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function file(path: string, text = "planted"): Entry {
  return { type: "file", path, ...METADATA, size: text.length, content: bytesContent(Buffer.from(text)) };
}
function link(path: string, target: string): Entry {
  return { type: "symlink", path, ...METADATA, target };
}

/** Extracts layers, each onto those before; answers what the last one shows, or its error's code. */
async function extract(layers: readonly (readonly Entry[])[]): Promise<string[] | string> {
  const done: string[] = [];
  for (const [index, entries] of layers.entries()) {
    const to = join(directory, "root", String(index));
    try {
      await applyEntries(entries, to, new LayeredTree(done, syscalls), { syscalls, signal });
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
    done.push(to);
  }
  return dump(new LayeredTree(done, syscalls), { times: false });
}

describe.skipIf(!isRoot)(
  "CVE-2026-17106, CVE-2021-32760: nothing is written outside through a link of the image",
  () => {
    const parents: Record<string, () => Entry[]> = {
      absolute: () => [link("lnk", outside)],
      relative: () => [link("lnk", "../../outside")],
      "relative and deep": () => [
        link("lnk", "a/../../../../../../../../../../../../../../../../../..".concat(outside)),
      ],
      chained: () => [link("one", outside), link("two", "one"), link("lnk", "/two")],
      dangling: () => [link("lnk", `${outside}/not-there`)],
      "to the root's parent": () => [link("lnk", "..")],
      "sibling prefix": () => [link("lnk", `${join("/", "..", "root-evil")}`)],
    };
    const attacks: Record<string, () => Entry[]> = {
      file: () => [file("lnk/victim"), file("lnk/sub/new")],
      directory: () => [
        { type: "directory", path: "lnk/sub", ...METADATA },
        { type: "directory", path: "lnk/made", ...METADATA },
      ],
      "directory over the link": () => [{ type: "directory", path: "lnk", ...METADATA }, file("lnk/victim")],
      symlink: () => [link("lnk/victim", "/etc/shadow")],
      "hard link to it": () => [{ type: "hardlink", path: "stolen", ...METADATA, target: "lnk/victim" }],
      "hard link in it": () => [file("mine"), { type: "hardlink", path: "lnk/victim", ...METADATA, target: "mine" }],
      "hard link to the link, then a file": () => [
        { type: "hardlink", path: "h", ...METADATA, target: "lnk" },
        file("h/victim"),
        file("h"),
      ],
      whiteout: () => [
        { type: "whiteout", path: "lnk/victim" },
        { type: "whiteout", path: "lnk/sub" },
      ],
      opaque: () => [{ type: "opaque", path: "lnk" }],
      device: () => [{ type: "char", path: "lnk/victim", ...METADATA, major: 1, minor: 3 }],
      fifo: () => [{ type: "fifo", path: "lnk/victim", ...METADATA }],
    };
    for (const [where, plant] of Object.entries(parents)) {
      for (const [what, attack] of Object.entries(attacks)) {
        test.each(["same", "earlier"])(`${what}, link ${where}, of the %s layer`, async (layer) => {
          const before = dump(new DirectoryTree(outside, { syscalls }));
          const result = await extract(layer === "same" ? [[...plant(), ...attack()]] : [plant(), attack()]);
          expect(dump(new DirectoryTree(outside, { syscalls }))).toEqual(before);
          // Whatever came of it, no bytes from outside came in.
          expect(JSON.stringify(result)).not.toContain("as it was");
          if (typeof result === "string") expect(result).toBe("LAYER_INVALID");
        });
      }
    }
  },
);

describe.skipIf(!isRoot)(
  "CVE-2026-28406, CVE-2021-29136: names that no reader lets pass lead nowhere here either",
  () => {
    const names = ["..", "../outside/victim", "/outside", "a/../../outside/victim", "./a", "a//b", "a/"];
    const attacks: Record<string, (path: string) => Entry> = {
      file: (path) => file(path),
      directory: (path) => ({ type: "directory", path, ...METADATA }),
      symlink: (path) => link(path, outside),
    };
    for (const [what, attack] of Object.entries(attacks)) {
      test.each([...names, ...(what === "directory" ? [] : [""])])(`${what} %j`, async (name) => {
        const before = dump(new DirectoryTree(outside, { syscalls }));
        const result = await extract([[attack(name)]]);
        if (name === "" || name.includes(".")) expect(result).toBe("PATH_UNCLEAN");
        expect(dump(new DirectoryTree(outside, { syscalls }))).toEqual(before);
      });
    }
  },
);

test.skipIf(!isRoot)(
  "CVE-2026-50163: a hard link's name is looked up in the root, not in the working directory",
  async () => {
    const before = process.cwd();
    process.chdir(outside);
    try {
      expect(await extract([[{ type: "hardlink", path: "stolen", ...METADATA, target: "victim" }]])).toBe(
        "LAYER_INVALID",
      );
    } finally {
      process.chdir(before);
    }
  },
);

test.skipIf(!isRoot)(
  "CVE-2018-15664: a layer directory that is swapped for a link while it is filled leads nowhere",
  async () => {
    const to = join(directory, "root/0");
    const before = dump(new DirectoryTree(outside, { syscalls }));
    function* racing(): Generator<Entry> {
      yield { type: "directory", path: "d", ...METADATA };
      yield file("d/first");
      rmSync(join(to, "d"), { recursive: true });
      symlinkSync(outside, join(to, "d"));
      yield file("d/victim");
      yield file("other");
      yield file("d/victim");
      yield { type: "directory", path: "d/sub", ...METADATA };
    }
    await applyEntries(racing(), to, emptyTree, { syscalls, signal }).catch(() => undefined);
    expect(dump(new DirectoryTree(outside, { syscalls }))).toEqual(before);
  },
);

describe.skipIf(!isRoot)("valid images extract (regressions of stricter extractors)", () => {
  const cases: Record<string, readonly [layers: readonly (readonly Entry[])[], expected: readonly string[]]> = {
    "parents that no entry describes": [
      [[file("a/b/c", "x")]],
      ["/a directory 755 0:0 ", "/a/b directory 755 0:0 ", '/a/b/c file 777 7:7 user.planted=78 "x"'],
    ],
    "an entry through an absolute link of the image": [
      [[link("var/run", "/run")], [file("var/run/pid", "x")]],
      [
        "/run directory 755 0:0 ",
        '/run/pid file 777 7:7 user.planted=78 "x"',
        "/var directory 755 0:0 ",
        "/var/run symlink 777 7:7 -> /run",
      ],
    ],
    "an entry through a relative link with ..": [
      [
        [
          link("usr/lib64", "../lib"),
          { type: "directory", path: "lib", ...METADATA, mode: 0o755, xattrs: undefined },
          file("usr/lib64/so", "x"),
        ],
      ],
      [
        "/lib directory 755 7:7 ",
        '/lib/so file 777 7:7 user.planted=78 "x"',
        "/usr directory 755 0:0 ",
        "/usr/lib64 symlink 777 7:7 -> ../lib",
      ],
    ],
    "a hard link through an absolute link": [
      [[file("bin/x", "x"), link("sbin", "/bin"), { type: "hardlink", path: "y", ...METADATA, target: "sbin/x" }]],
      [
        "/bin directory 755 0:0 ",
        '/bin/x file 777 7:7 user.planted=78 "x"',
        "/sbin symlink 777 7:7 -> /bin",
        '/y file 777 7:7 user.planted=78 "x"',
      ],
    ],
    "a hard link to a symbolic link": [
      [[link("l", "nowhere"), { type: "hardlink", path: "m", ...METADATA, target: "l" }]],
      ["/l symlink 777 7:7 -> nowhere", "/m symlink 777 7:7 -> nowhere"],
    ],
    "a hard link to a file of a lower layer": [
      [[file("a/x", "x")], [{ type: "hardlink", path: "y", ...METADATA, target: "a/x" }]],
      ["/a directory 755 0:0 ", '/a/x file 777 7:7 user.planted=78 "x"', '/y file 777 7:7 user.planted=78 "x"'],
    ],
    "the root's own mode": [[[{ type: "directory", path: "", ...METADATA, mode: 0o700, xattrs: undefined }]], []],
  };
  test.each(Object.entries(cases))("%s", async (_, [layers, expected]) => {
    const shown = await extract(layers);
    expect((shown as string[]).slice(1)).toEqual(expected);
  });
});

test.skipIf(!isRoot)(
  "metadata: setuid survives the owner, directories keep their times, labels of the machine are dropped",
  async () => {
    const to = join(directory, "root/0");
    const xattrs = new Map([
      ["trusted.overlay.opaque", Buffer.from("y")],
      ["user.overlay.redirect", Buffer.from("/etc")],
      ["security.selinux", Buffer.from("x")],
      ["user.kept", Buffer.from([0, 255])],
    ]);
    await applyEntries(
      [
        { type: "directory", path: "d", mode: 0o2555, uid: 1, gid: 2, mtime: 1_500_000_000_000_000_001n, xattrs },
        {
          type: "file",
          path: "d/su",
          mode: 0o6755,
          uid: 3,
          gid: 4,
          mtime: -1n,
          size: 0,
          content: bytesContent(Buffer.alloc(0)),
          xattrs,
        },
        { type: "symlink", path: "d/l", mode: 0o777, uid: 5, gid: 6, mtime: 2_000_000_001n, target: "su" },
      ],
      to,
      emptyTree,
      { syscalls, signal },
    );
    expect(dump(new LayeredTree([to], syscalls)).slice(1)).toEqual([
      "/d directory 2555 1:2 @1500000000000000001 user.kept=00ff ",
      "/d/l symlink 777 5:6 @2000000001 -> su",
      '/d/su file 6755 3:4 @-1 user.kept=00ff ""',
    ]);
    expect(syscalls.llistxattr(join(to, "d"))).toEqual(["user.kept"]);
  },
);

test.skipIf(!isRoot)("content of another size than the entry says is refused", async () => {
  for (const size of [2, 4]) {
    const entry: Entry = { type: "file", path: "f", ...METADATA, size, content: bytesContent(Buffer.from("abc")) };
    await expect(
      applyEntries([entry], join(directory, "root", String(size)), emptyTree, { syscalls, signal }),
    ).rejects.toMatchObject({
      code: "LAYER_CONTENT_CHANGED",
    });
  }
});

test("an export stays in its directory and keeps what is there", async () => {
  const to = join(directory, "to");
  mkdirSync(join(to, "kept"), { recursive: true });
  writeFileSync(join(to, "kept/file"), "mine");
  symlinkSync(outside, join(to, "sub"));
  symlinkSync(join(outside, "victim"), join(to, "f"));
  const before = dump(new DirectoryTree(outside, { syscalls }));
  await exportTree(treeOf({ "sub/": { mode: 0o555 }, "sub/victim": "new", f: "text", l: { link: "/etc" } }), to, {
    syscalls,
    temporary: join(directory, "undo"),
    signal,
  });
  expect(dump(new DirectoryTree(outside, { syscalls }))).toEqual(before);
  const shown = dump(new DirectoryTree(to, { owner: { uid: 0, gid: 0 } }), { times: false }).slice(1);
  expect(shown.filter((line) => !line.startsWith("/kept"))).toEqual([
    '/f file 644 0:0 "text"',
    "/l symlink 777 0:0 -> /etc",
    "/sub directory 555 0:0 ",
    '/sub/victim file 644 0:0 "new"',
  ]);
  expect(shown.filter((line) => line.startsWith("/kept"))).toHaveLength(2);
  const conflict = exportTree(treeOf({ kept: "x" }), to, { syscalls, temporary: join(directory, "undo"), signal });
  await expect(conflict).rejects.toMatchObject({ code: "EXPORT_CONFLICT" });
});
