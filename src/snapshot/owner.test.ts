import { expect, test } from "vitest";
import { treeOf } from "./testing/tree-of.ts";
import { emptyTree } from "./empty-tree.ts";
import { resolveOwner, resolveUser } from "./owner.ts";
import type { Tree } from "./tree.ts";

const tree = treeOf({
  "usr/etc/passwd": [
    "root:x:0:0:root:/root:/bin/sh",
    "# comment:x:1:1",
    "app:x:1000:1001:App:/home/app:/bin/sh",
    "broken",
    "nohome:x:7:8::",
    "1234:x:55:56::/num:/bin/sh",
    "huge:x:4294967296:0::/:/bin/sh",
    "r\xe9mi:x:77:78::/h:/bin/sh",
  ].join("\n"),
  "usr/etc/group": "root:x:0:\nstaff:x:50:app,other\napp:x:1001:app\naudio:x:29:app\nbad:x:-1:\n",
  "etc/passwd": { link: "../usr/etc/passwd" },
  "etc/group": { link: "/usr/etc/group" },
});

test.each([
  ["0", 0, 0],
  ["1000", 1000, 1000],
  ["1234", 1234, 1234],
  ["app", 1000, 1001],
  ["app:staff", 1000, 50],
  ["app:7", 1000, 7],
  ["5:staff", 5, 50],
  ["5:6", 5, 6],
  ["nohome", 7, 8],
  ["2147483647", 2147483647, 2147483647],
])("--chown=%s is %d:%d", (spec, uid, gid) => {
  expect(resolveOwner(tree, spec)).toEqual({ uid, gid });
});

test.each([
  ["nobody", "OWNER_UNKNOWN"],
  ["app:nogroup", "OWNER_UNKNOWN"],
  ["huge", "OWNER_UNKNOWN"],
  ["# comment", "OWNER_UNKNOWN"],
  ["5:bad", "OWNER_UNKNOWN"],
  ["-1", "OWNER_UNKNOWN"],
  ["2147483648", "OWNER_INVALID"],
  ["4294967296", "OWNER_INVALID"],
  ["0:4294967296", "OWNER_INVALID"],
  ["99999999999999999999", "OWNER_INVALID"],
  ["", "OWNER_INVALID"],
  [":staff", "OWNER_INVALID"],
  ["app:", "OWNER_INVALID"],
  ["a:b:c", "OWNER_INVALID"],
])("--chown=%j is refused", (spec, code) => {
  expect(() => resolveOwner(tree, spec)).toThrow(expect.objectContaining({ code }));
});

test("the error names the file", () => {
  expect(() => resolveOwner(tree, "nobody")).toThrow('user "nobody" is not in /etc/passwd of the image');
  expect(() => resolveOwner(emptyTree, "app")).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("has no /etc/passwd") }),
  );
});

test("names beyond ASCII are compared by their bytes", () => {
  expect(resolveOwner(tree, "r\xe9mi")).toEqual({ uid: 77, gid: 78 });
});

// As Docker resolves USER (moby/sys/user: GetExecUser).
test.each([
  ["", { uid: 0, gid: 0, groups: [], home: "/root", name: "root" }],
  ["app", { uid: 1000, gid: 1001, groups: [29, 50], home: "/home/app", name: "app" }],
  ["1000", { uid: 1000, gid: 1001, groups: [29, 50], home: "/home/app", name: "app" }],
  ["app:staff", { uid: 1000, gid: 50, groups: [], home: "/home/app", name: "app" }],
  ["1000:1000", { uid: 1000, gid: 1000, groups: [], home: "/home/app", name: "app" }],
  ["4242", { uid: 4242, gid: 0, groups: [], home: "/", name: undefined }],
  ["nohome", { uid: 7, gid: 8, groups: [], home: "/", name: "nohome" }],
])("USER %s", (spec, expected) => {
  expect(resolveUser(tree, spec)).toEqual(expected);
});

test("numbers need no files", () => {
  expect(resolveUser(emptyTree, "65532")).toEqual({ uid: 65532, gid: 0, groups: [], home: "/", name: undefined });
});

test("a passwd that is no small regular file is refused, unread", () => {
  const unread = (node: object): Tree => ({
    lstat: (path) => (path === "etc/passwd" ? { ...emptyTree.lstat("")!, ...node } : emptyTree.lstat("")),
    readdir: () => [],
    open: () => {
      throw new Error("opened");
    },
  });
  for (const node of [{ type: "fifo" }, { type: "directory" }, { type: "char" }, { type: "file", size: 2 ** 40 }]) {
    expect(() => resolveOwner(unread(node), "app")).toThrow(expect.objectContaining({ code: "TREE_FILE_INVALID" }));
  }
});

test("a passwd that leads round in circles is refused", () => {
  expect(() => resolveOwner(treeOf({ "etc/passwd": { link: "passwd" } }), "app")).toThrow(
    expect.objectContaining({ code: "PATH_SYMLINK_LOOP" }),
  );
});
