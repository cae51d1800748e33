import { describe, expect, test } from "vitest";
import { treeOf } from "./testing/tree-of.ts";
import { filteredTree } from "./filtered-tree.ts";
import { compileMatcher } from "./match.ts";
import { selectNodes, selectSources } from "./select.ts";
import type { SelectOptions } from "./select.ts";
import type { Tree } from "./tree.ts";

const tree = treeOf({
  "main.go": "m",
  "go.mod": "g",
  "cmd/api/main.go": "a",
  "cmd/web/main.go": "w",
  "cmd/inner": { link: "../go.mod" },
  link: { link: "cmd" },
  gone: { link: "/etc/hostname" },
  sock: { type: "fifo" },
});

function list(source: Tree, ...paths: string[]): string[] {
  return selectSources(source, paths).flatMap((found) =>
    [...selectNodes(source, found)].map(({ relative, node }) => `${found.name}:${relative} ${node.type}`),
  );
}

test.each([
  [["main.go"], ["main.go: file"]],
  [["/main.go"], ["main.go: file"]],
  [["./x/../../main.go"], ["main.go: file"]],
  [
    ["*.go", "go.*"],
    ["main.go: file", "go.mod: file"],
  ],
  [["cmd/*/main.go"], ["main.go: file", "main.go: file"]],
  [
    ["cmd"],
    [
      "cmd: directory",
      "cmd:api directory",
      "cmd:api/main.go file",
      "cmd:inner symlink",
      "cmd:web directory",
      "cmd:web/main.go file",
    ],
  ],
  [["link/api"], ["api: directory", "api:main.go file"]],
  [["link/in*"], ["inner: file"]],
  [["cmd/inner"], ["inner: file"]],
  [["*.nothing"], []],
  [["cmd/x*"], []],
  [["sock"], ["sock: fifo"]],
])("%j selects %j", (paths, expected) => {
  expect(list(tree, ...paths)).toEqual(expected);
});

test(". is everything, links inside as links", () => {
  expect(list(tree, ".")).toContain(":link symlink");
  expect(list(tree, "/")).toEqual(list(tree, "."));
});

test("a link to a directory has nothing below it for a wildcard", () => {
  expect(list(tree, "*/api")).toEqual(["api: directory", "api:main.go file"]);
});

test.each([["missing"], ["gone"], ["missing/*.go"], ["main.go/x"], ["main.go/*"]])("%s is not found", (path) => {
  expect(() => selectSources(tree, [path])).toThrow(expect.objectContaining({ code: "COPY_NOT_FOUND" }));
});

test("the error says what was meant, or that it is ignored", () => {
  expect(() => selectSources(tree, ["cmd/Api"])).toThrow(
    expect.objectContaining({ message: '"/cmd/Api": not found', hint: 'Did you mean "/cmd/api"?' }),
  );
  expect(() => selectSources(tree, ["cmd/missing/deep/file"])).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^"\/cmd" holds api, inner, web; paths are relative/) }),
  );
  const filtered = filteredTree(tree, compileMatcher(["cmd", "!cmd/web"]));
  expect(() => selectSources(filtered, ["cmd/api"], { unfiltered: tree })).toThrow(
    expect.objectContaining({
      code: "COPY_NOT_FOUND",
      message: '"/cmd/api": not found: it is excluded by .dockerignore',
    }),
  );
});

test("ignore patterns with exceptions keep the directories that hold them", () => {
  const filtered = filteredTree(tree, compileMatcher(["*", "!cmd/web/**"]));
  expect(list(filtered, ".")).toEqual([": directory", ":cmd directory", ":cmd/web directory", ":cmd/web/main.go file"]);
  expect(list(filteredTree(tree, compileMatcher(["**/main.go", "gone", "sock", "link"])), ".")).toEqual([
    ": directory",
    ":cmd directory",
    ":cmd/api directory",
    ":cmd/inner symlink",
    ":cmd/web directory",
    ":go.mod file",
  ]);
});

test("what is ignored is not read, so it may be unreadable", () => {
  const closed: Tree = {
    ...{ lstat: (path) => tree.lstat(path), open: (path) => tree.open(path) },
    readdir(path) {
      if (path.startsWith("cmd")) throw new Error("read");
      return tree.readdir(path);
    },
  };
  expect(list(filteredTree(closed, compileMatcher(["cmd"])), ".")).toContain(":main.go file");
  expect(() => list(closed, ".")).toThrow("read");
});

describe("--parents and --exclude", () => {
  const files = treeOf({
    "a/b/c/d/foo": "",
    "a/b/c/d/e/bay": "",
    "a/b2/c/d/e/bar": "",
    "a/b/c2/d/e/baz": "",
    "a/b/c2/d/e2/baz": "",
    link: { link: "a" },
  });
  const taken = (paths: readonly string[], options: SelectOptions): readonly string[] =>
    selectSources(files, paths, options).flatMap((source) =>
      [...selectNodes(files, source)].filter(({ node }) => node.type === "file").map(({ relative }) => relative),
    );

  // From BuildKit's testCopyRelativeParents and testCopyParentsMissingDirectory.
  test.each([
    ["a/b/./c/d", ["c/d/e/bay", "c/d/foo"]],
    ["a/b/c/d/.", ["a/b/c/d/e/bay", "a/b/c/d/foo"]],
    ["./a/b/c/d", ["a/b/c/d/e/bay", "a/b/c/d/foo"]],
    ["a/./b/./c", ["b/c/d/e/bay", "b/c/d/foo"]],
    ["a/./*/c", ["b/c/d/e/bay", "b/c/d/foo", "b2/c/d/e/bar"]],
    ["a/b*/./c/**/e", ["c/d/e/bay", "c/d/e/bar"]],
    ["a/b/c*/./d/**/baz", ["d/e/baz", "d/e2/baz"]],
    ["a/b3*/c", []],
    ["a/b/./c3*", []],
  ])("%s takes %j", (path, expected) => {
    expect(taken([path], { parents: true })).toEqual(expected);
  });

  test("directories come just before the first thing that is taken in them", () => {
    const [source] = selectSources(files, ["a/**/e2"], { parents: true });
    expect([...selectNodes(files, source!)].map(({ relative }) => relative)).toEqual([
      "",
      "a",
      "a/b",
      "a/b/c2",
      "a/b/c2/d",
      "a/b/c2/d/e2",
      "a/b/c2/d/e2/baz",
    ]);
  });

  test.each(["a/x", "a/./x", "x/./a", "link/b"])("%s without wildcards must be there, not behind a link", (path) => {
    expect(() => taken([path], { parents: true })).toThrow(expect.objectContaining({ code: "COPY_NOT_FOUND" }));
  });

  test.each([
    [["**/e"], ["b/c/d/foo", "b/c2/d/e2/baz"]],
    [
      ["**/ba*", "!**/bay"],
      ["b/c/d/e/bay", "b/c/d/foo"],
    ],
    [["*"], []],
    [
      ["*", "!b/c2"],
      ["b/c2/d/e/baz", "b/c2/d/e2/baz"],
    ],
  ])("--exclude=%j leaves %j", (excludes, expected) => {
    expect(taken(["a"], { excludes })).toEqual(expected);
  });

  test("what is named itself is not excluded", () => {
    expect(taken(["a/b/c/d/foo"], { excludes: ["*", "foo"] })).toEqual([""]);
  });
});
