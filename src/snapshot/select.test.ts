import { expect, test } from "vitest";
import { treeOf } from "./testing/tree-of.ts";
import { filteredTree } from "./filtered-tree.ts";
import { compileMatcher } from "./match.ts";
import { selectNodes, selectSources } from "./select.ts";
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
