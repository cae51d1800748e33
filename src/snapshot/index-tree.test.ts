import { expect, test } from "vitest";
import type { IndexEntry, LayerIndex } from "../layer/layer-index.ts";
import { indexTree } from "./index-tree.ts";
import { resolveOwner } from "./owner.ts";

const METADATA = { mode: 0o755, uid: 0, gid: 0, mtime: 1n };

function index(entries: readonly IndexEntry[], files: Record<string, string> = {}): LayerIndex {
  return { entries, files: new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])) };
}

test("layers known by their listing read as one tree, with the files that name users", () => {
  const passwd = "app:x:5:6::/:/bin/sh\n";
  const tree = indexTree([
    index([
      { type: "directory", path: "opt", ...METADATA },
      { type: "file", path: "opt/tool", ...METADATA, size: 9 },
      { type: "file", path: "opt/old", ...METADATA, size: 9 },
      { type: "symlink", path: "var/run", ...METADATA, target: "/run" },
      { type: "file", path: "etc/passwd", ...METADATA, size: 3 },
    ]),
    index(
      [
        { type: "whiteout", path: "opt/old" },
        { type: "file", path: "var/run/pid", ...METADATA, size: 1 },
        { type: "file", path: "etc/passwd", ...METADATA, size: passwd.length },
      ],
      { "etc/passwd": passwd },
    ),
  ]);
  expect(tree.readdir("opt")).toEqual(["tool"]);
  expect(tree.readdir("run")).toEqual(["pid"]);
  expect(tree.lstat("var/run")).toMatchObject({ type: "symlink", target: "/run" });
  expect(tree.lstat("var/run/pid")).toBeUndefined();
  expect(resolveOwner(tree, "app")).toEqual({ uid: 5, gid: 6 });
  expect(() => tree.open("opt/tool")).toThrow(expect.objectContaining({ code: "TREE_NO_CONTENT" }));
});
