import { expect, test } from "vitest";
import { listEntries } from "./testing/dump.ts";
import { treeOf } from "./testing/tree-of.ts";
import type { Spec } from "./testing/tree-of.ts";
import type { Digest } from "../oci/digest.ts";
import { contentDigest } from "./content-digest.ts";
import { copyEntries } from "./copy.ts";
import type { CopyOptions } from "./copy.ts";
import { emptyTree } from "./empty-tree.ts";
import { selectSources } from "./select.ts";
import type { Tree } from "./tree.ts";

const source = treeOf({
  f: "F",
  g: "G",
  "d/": { mode: 0o700, uid: 5, gid: 6 },
  "d/in": "I",
  "d/sub/": { mode: 0o750, uid: 7 },
  "d/sub/deep": "D",
  "e/in": "E",
  "e/sub/other": "O",
  l: { link: "f" },
  "d/l": { link: "in" },
  su: { type: "file", mode: 0o4755, uid: 1, gid: 1, size: 0 },
  "clash/sub": "file",
});

const base = treeOf({
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
  "etc/group": "root:x:0:\nstaff:x:50:app\n",
  "app/": { uid: 9 },
  "app/old": "old",
  "app/sub/": { mode: 0o711, uid: 9 },
  "app/in": { link: "old" },
  file: "x",
  www: { link: "/srv/web" },
  current: { link: "app" },
});

interface Case extends Partial<Omit<CopyOptions, "base">> {
  readonly to: string;
  readonly base?: Tree;
}

function copy(paths: readonly string[], { to, base: below = base, source: tree = source, ...options }: Case): string[] {
  const expect = contentDigest(tree, selectSources(tree, paths, options));
  return listEntries(
    copyEntries({
      source: tree,
      paths,
      base: below,
      destination: to,
      intoDirectory: to.endsWith("/"),
      expect,
      ...options,
    }),
  );
}

// fsutil/copy and BuildKit's llbsolver/file, of the version BuildKit v0.30 has.
test.each<[string, readonly string[], Case, readonly string[]]>([
  [
    "a file to a new name, with the parents",
    ["f"],
    { to: "/new/dir/name" },
    ["new directory 755 0:0", "new/dir directory 755 0:0", 'new/dir/name file 644 0:0 "F"'],
  ],
  ["a file into a directory that is there", ["f"], { to: "/app" }, ['app/f file 644 0:0 "F"']],
  ["a file into a new directory", ["f"], { to: "/new/" }, ["new directory 755 0:0", 'new/f file 644 0:0 "F"']],
  ["a file over a file", ["f"], { to: "/file" }, ['file file 644 0:0 "F"']],
  ["a file over a link: what it points to", ["f"], { to: "/app/in" }, ['app/old file 644 0:0 "F"']],
  ["a file of the name of a link, into its directory", ["d/in"], { to: "/app/" }, ['app/in file 644 0:0 "I"']],
  ["through a link to a directory", ["f"], { to: "/current/" }, ['app/f file 644 0:0 "F"']],
  [
    "through a dangling link",
    ["f"],
    { to: "/www/" },
    ["srv directory 755 0:0", "srv/web directory 755 0:0", 'srv/web/f file 644 0:0 "F"'],
  ],
  [
    "the content of a directory; the directory itself is made plain",
    ["d"],
    { to: "/new" },
    [
      "new directory 755 0:0",
      'new/in file 644 0:0 "I"',
      "new/l symlink 777 0:0 -> in",
      "new/sub directory 750 7:0",
      'new/sub/deep file 644 0:0 "D"',
    ],
  ],
  [
    "a directory into one that is there: inner directories take the source's metadata",
    ["d"],
    { to: "/app/" },
    [
      "app directory 755 9:0",
      'app/in file 644 0:0 "I"',
      "app/l symlink 777 0:0 -> in",
      "app/sub directory 750 7:0",
      'app/sub/deep file 644 0:0 "D"',
    ],
  ],
  [
    "--parents: directories that are there keep their owner, new ones have the source's",
    ["d/sub/deep"],
    { to: "/", parents: true, owner: "1:2", base: treeOf({ "d/": { mode: 0o755, uid: 9, gid: 9 } }) },
    ["d directory 700 9:9", "d/sub directory 750 1:2", 'd/sub/deep file 644 1:2 "D"'],
  ],
  ["a link that is named: what it points to", ["l"], { to: "/new" }, ['new file 644 0:0 "F"']],
  ["a link that is named keeps its name", ["l"], { to: "/app/" }, ['app/l file 644 0:0 "F"']],
  ["to the root", ["f", "g"], { to: "/" }, ['f file 644 0:0 "F"', 'g file 644 0:0 "G"']],
  ["a wildcard", ["[fg]"], { to: "/app/" }, ['app/f file 644 0:0 "F"', 'app/g file 644 0:0 "G"']],
  ["a wildcard with two matches and one name: the last stays", ["[fg]"], { to: "/one" }, ['one file 644 0:0 "G"']],
  ["a wildcard without a match: nothing", ["x*"], { to: "/new/" }, []],
  [
    "several directories merge; of a path that comes twice the last stays",
    ["d", "e"],
    { to: "/new/" },
    [
      "new directory 755 0:0",
      "new/l symlink 777 0:0 -> in",
      "new/sub directory 755 0:0",
      'new/sub/deep file 644 0:0 "D"',
      'new/in file 644 0:0 "E"',
      'new/sub/other file 644 0:0 "O"',
    ],
  ],
  [
    "--chown by name reaches everything and what is made",
    ["d"],
    { to: "/new/x", owner: "app" },
    [
      "new directory 755 1000:1001",
      "new/x directory 755 1000:1001",
      'new/x/in file 644 1000:1001 "I"',
      "new/x/l symlink 777 1000:1001 -> in",
      "new/x/sub directory 750 1000:1001",
      'new/x/sub/deep file 644 1000:1001 "D"',
    ],
  ],
  ["--chown user:group", ["f"], { to: "/app/", owner: "7:staff" }, ['app/f file 644 7:50 "F"']],
  ["--chown with a number alone", ["f"], { to: "/app/", owner: "1000" }, ['app/f file 644 1000:1000 "F"']],
  [
    "--chmod reaches files, directories and what is made, but no links",
    ["d"],
    { to: "/new", mode: 0o4711 },
    [
      "new directory 711 0:0",
      'new/in file 4711 0:0 "I"',
      "new/l symlink 777 0:0 -> in",
      "new/sub directory 4711 7:0",
      'new/sub/deep file 4711 0:0 "D"',
    ],
  ],
  ["setuid and owners of a stage stay", ["su"], { to: "/app/" }, ['app/su file 4755 1:1 ""']],
  ["onto an empty root", ["f"], { to: "/a/", base: emptyTree }, ["a directory 755 0:0", 'a/f file 644 0:0 "F"']],
])("%s", (_, paths, options, expected) => {
  expect(copy(paths, options)).toEqual(expected);
});

test.each<[string, readonly string[], Case, string]>([
  ["a directory onto a file", ["d"], { to: "/file" }, "COPY_TYPE_CONFLICT"],
  ["below a file", ["f"], { to: "/file/x" }, "COPY_TYPE_CONFLICT"],
  ["an inner directory onto a file", ["d"], { to: "/", base: treeOf({ sub: "x" }) }, "COPY_TYPE_CONFLICT"],
  [
    "an inner directory onto a link, as in BuildKit",
    ["d"],
    { to: "/", base: treeOf({ sub: { link: "real" }, "real/": {} }) },
    "COPY_TYPE_CONFLICT",
  ],
  ["a file onto a directory", ["f"], { to: "/", base: treeOf({ "f/": {} }) }, "COPY_TYPE_CONFLICT"],
  ["sources that clash", ["d", "clash"], { to: "/new/" }, "COPY_TYPE_CONFLICT"],
  ["a name that means a removal", ["d"], { to: "/n", source: treeOf({ "d/.wh.passwd": "" }) }, "LAYER_NAME_RESERVED"],
  ["an owner that nobody knows", ["f"], { to: "/app/", owner: "nobody" }, "OWNER_UNKNOWN"],
  ["a group that nobody knows", ["f"], { to: "/app/", owner: "app:wheel" }, "OWNER_UNKNOWN"],
])("%s is an error", (_, paths, options, code) => {
  expect(() => copy(paths, options)).toThrow(expect.objectContaining({ code }));
});

test("hard links stay together", () => {
  const inode = { type: "file", size: 0 } as const;
  const linked = treeOf({ "d/a": inode, "d/b": { type: "hardlink", target: "d/a" } });
  const shared: Tree = {
    lstat: (path) => {
      const node = linked.lstat(path);
      return node?.type === "file" ? { ...node, identity: "1:1" } : node;
    },
    readdir: (path) => linked.readdir(path),
    open: () => treeOf({ x: "" }).open("x"),
  };
  const expect_ = contentDigest(shared, selectSources(shared, ["d"]));
  expect(
    listEntries(
      copyEntries({
        source: shared,
        paths: ["d"],
        base: emptyTree,
        destination: "/o",
        intoDirectory: false,
        expect: expect_,
      }),
    ),
  ).toEqual(["o directory 755 0:0", 'o/a file 644 0:0 ""', "o/b hardlink 644 0:0 -> o/a"]);
  expect(contentDigest(treeOf({ "d/a": "", "d/b": "" }), selectSources(treeOf({ "d/a": "", "d/b": "" }), ["d"]))).toBe(
    expect_,
  );
});

test("other content than was expected ends in an error", () => {
  expect(() => copy(["f"], { to: "/x", expect: `sha256:${"0".repeat(64)}` as Digest })).toThrow(
    expect.objectContaining({ code: "CONTEXT_CHANGED" }),
  );
  // Also when the sink leaves content unread, and in a file that a later source replaces.
  const paths = ["d", "e"];
  const expected = contentDigest(source, selectSources(source, paths));
  const drain = (tree: Tree): number =>
    [...copyEntries({ source: tree, paths, base, destination: "/n", intoDirectory: true, expect: expected })].length;
  expect(drain(source)).toBe(6);
  const changed = treeOf({ ...contents(), "d/in": "changed" });
  expect(() => drain(changed)).toThrow(expect.objectContaining({ code: "CONTEXT_CHANGED" }));
});

function contents(): Record<string, Spec> {
  return {
    "d/": { mode: 0o700 },
    "d/in": "I",
    "d/sub/": { mode: 0o750, uid: 7 },
    "d/sub/deep": "D",
    "d/l": { link: "in" },
    "e/in": "E",
    "e/sub/other": "O",
  };
}

test("with itself a directory that is named counts with its mode and its owner", () => {
  const of = (directory: Spec, withItself: boolean): Digest => {
    const tree = treeOf({ "d/": directory, "d/a": "x" });
    return contentDigest(tree, selectSources(tree, ["d"], { withItself }));
  };
  const directories: Spec[] = [{}, { mode: 0o700 }, { uid: 3 }, { gid: 3 }, { mtime: 5n }];
  expect(new Set(directories.map((directory) => of(directory, true))).size).toBe(4);
  expect(new Set(directories.map((directory) => of(directory, false))).size).toBe(1);
});

test("the digest tells everything that a copy carries, and no more", () => {
  const of = (specs: Record<string, Spec>): Digest => contentDigest(treeOf(specs), selectSources(treeOf(specs), ["d"]));
  const plain = of({ "d/a": "x", "d/b": "y" });
  expect(of({ "d/a": "x", "d/b": "y", other: "z" })).toBe(plain);
  expect(of({ "d/": { mode: 0o700, uid: 3 }, "d/a": "x", "d/b": "y" })).toBe(plain);
  expect(of({ "d/e/": { mtime: 5n } })).toBe(of({ "d/e/": { mtime: 6n } }));
  const others: Record<string, Spec>[] = [
    { "d/a": "x", "d/b": "z" },
    { "d/a": "xy", "d/b": "" },
    { "d/a": "x", "d/c": "y" },
    { "d/a": "x" },
    { "d/a": "x", "d/b": { link: "y" } },
    { "d/a": "x", "d/b": "y", "d/e/": {} },
    { "d/a": "x", "d/b": { type: "fifo" } },
  ];
  expect(new Set([plain, ...others.map(of)]).size).toBe(others.length + 1);
  const devices = [1, 2].map((minor) => of({ "d/z": { type: "char", major: 1, minor } }));
  expect(new Set(devices).size).toBe(2);
});
