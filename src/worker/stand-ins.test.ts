import { expect, test } from "vitest";
import type { Entry } from "../layer/entry.ts";
import type { Tree, TreeNode } from "../snapshot/tree.ts";
import { StandIns } from "./stand-ins.ts";

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };
const EMPTY = { next: () => undefined, close: () => {} };
const DEVICE: Entry = { type: "char", path: "dev", major: 1, minor: 3, ...METADATA };

/** Two empty files, `dev` and `other`, of which the first has a second name. */
const TREE: Tree = {
  lstat: (path): TreeNode | undefined =>
    path === ""
      ? undefined
      : { type: "file", size: 0, links: 1, identity: path === "same" ? "dev" : path, ...METADATA },
  readdir: () => ["dev", "other", "same"],
  open: () => EMPTY,
};

test("an empty file that stands for a device is shown as that, under every name, and no other one is", () => {
  const standIns = new StandIns();
  expect(standIns.replace(DEVICE)).toMatchObject({ type: "file", path: "dev", size: 0 });
  const tree = standIns.reveal(TREE);
  expect(["dev", "same", "other"].map((path) => tree.lstat(path)?.type)).toEqual(["char", "char", "file"]);
});

test("an empty file that comes after a device of its name is one", () => {
  const standIns = new StandIns();
  standIns.replace(DEVICE);
  standIns.replace({ type: "file", path: "dev", size: 0, content: EMPTY, ...METADATA });
  expect(standIns.reveal(TREE).lstat("dev")?.type).toBe("file");
});
