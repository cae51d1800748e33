import { expect, test } from "vitest";
import { treeOf } from "./testing/tree-of.ts";
import { resolvePath } from "./resolve-path.ts";

const tree = treeOf({
  "usr/bin/": {},
  "usr/bin/go": "",
  bin: { link: "usr/bin" },
  "var/run": { link: "/run" },
  up: { link: "../../../../usr" },
  loop: { link: "loop" },
  ping: { link: "pong" },
  pong: { link: "/ping" },
  dangling: { link: "nowhere/at/all" },
  one: { link: "two/." },
  two: { link: "./bin//" },
});

test.each([
  ["bin/go", "usr/bin/go"],
  ["/bin/go", "usr/bin/go"],
  ["bin", "usr/bin"],
  ["var/run/pid", "run/pid"],
  ["up/bin", "usr/bin"],
  ["../../etc/passwd", "etc/passwd"],
  ["bin/../lib", "usr/lib"],
  ["dangling/x", "nowhere/at/all/x"],
  ["one/go", "usr/bin/go"],
  ["", ""],
  ["/", ""],
  ["usr/bin/go/below", "usr/bin/go/below"],
  ["absent/../x", "x"],
])("%s is %s", (path, expected) => {
  expect(resolvePath(tree, path, { followLast: true })).toBe(expected);
});

test("the last link is left alone when asked", () => {
  expect(resolvePath(tree, "two", { followLast: false })).toBe("two");
  expect(resolvePath(tree, "one/go", { followLast: false })).toBe("usr/bin/go");
});

test.each(["loop", "ping/x"])("%s leads round in circles", (path) => {
  expect(() => resolvePath(tree, path, { followLast: true })).toThrow(
    expect.objectContaining({ code: "PATH_SYMLINK_LOOP" }),
  );
});
