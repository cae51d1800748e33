import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openKernel } from "../../sys/trace/kernel.ts";
import { AREA_BYTES } from "../../sys/trace/tracing.ts";
import { credentialsOf } from "../fake-root/credentials.ts";
import { openFiles } from "../fake-root/files.ts";
import { AT_FDCWD, ERRNO } from "../fake-root/places.ts";
import type { Place, Places } from "../fake-root/places.ts";
import type { Tracee } from "../fake-root/tracee.ts";
import { guestPaths } from "./guest-paths.ts";

const self: Tracee = {
  tid: process.pid,
  pid: process.pid,
  credentials: credentialsOf(0, 0, []),
  space: {},
  program: "/bin/program",
};
let root: string;
let outside: string;
let places: Places;

beforeAll(() => {
  [root, outside] = [0, 1].map(() => realpathSync(mkdtempSync(join(tmpdir(), "manyarch-guest-")))) as [string, string];
  for (const path of ["usr/bin", "a/b", "mnt"]) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, "usr/bin/sh"), "");
  writeFileSync(join(outside, "data"), "");
  const links = {
    bin: "usr/bin",
    up: "../../../..",
    loop: "loop",
    abs: "/usr/bin/sh",
    "a/rel": "../usr",
    to: "/mnt/data",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  places = guestPaths({
    root,
    bindings: [
      { host: outside, guest: "/mnt", readOnly: true },
      { host: "/proc", guest: "/proc", readOnly: false },
    ],
    files: openFiles(openKernel(AREA_BYTES)),
    tracees: new Map([[self.tid, self]]),
  });
});
afterAll(() => {
  for (const path of [root, outside]) rmSync(path, { recursive: true });
});

const find = (path: string, follow = true): Place | number => places.find(self, AT_FDCWD, path, follow);

test.each([
  ["/bin/sh", "/usr/bin/sh"],
  ["/abs", "/usr/bin/sh"],
  ["/up/bin//./sh", "/usr/bin/sh"],
  ["/a/rel/bin/sh", "/usr/bin/sh"],
  ["/../../../usr/bin/../bin/sh", "/usr/bin/sh"],
  ["/a/new", "/a/new"],
  ["/", "/"],
])("%s is %s", (path, guest) => {
  expect(find(path)).toMatchObject({ guest, host: guest === "/" ? root : root + guest, readOnly: false });
});

test("bindings cover what is below them", () => {
  expect(find("/to")).toMatchObject({ guest: "/mnt/data", host: `${outside}/data`, readOnly: true });
  expect(find("/mnt/../mnt")).toMatchObject({ host: outside, mountPoint: true });
  expect(places.guestName(`${outside}/data`)).toBe("/mnt/data");
  expect(places.guestName(`${root}/a`)).toBe("/a");
  expect(places.guestName(root)).toBe("/");
  expect(places.guestName("/somewhere/else")).toBeUndefined();
});

test("the last link is followed where that is asked for", () => {
  expect(find("/abs", false)).toMatchObject({ guest: "/abs" });
  expect(find("/bin/", false)).toMatchObject({ guest: "/usr/bin" });
});

test.each([
  ["/nowhere/x", -ERRNO.ENOENT],
  ["/usr/bin/sh/x", -ERRNO.ENOTDIR],
  ["/usr/bin/sh/", -ERRNO.ENOTDIR],
  ["/loop", -ERRNO.ELOOP],
  [`/${"x".repeat(256)}`, -ERRNO.ENAMETOOLONG],
  ["/proc/1/environ", -ERRNO.ENOENT],
])("%s fails with %i", (path, errno) => {
  expect(find(path)).toBe(errno);
});

test("/proc tells of the guest", () => {
  expect(find("/proc/self/exe", false)).toMatchObject({ linkText: "/bin/program" });
  expect(find("/proc/self/root/usr")).toMatchObject({ guest: "/usr" });
  expect(find("/proc/self/fd/0")).toMatchObject({ throughLink: true, host: `/proc/${process.pid}/fd/0` });
});

test("what becomes a link is seen after it was a directory", () => {
  expect(find("/a/b/x")).toMatchObject({ guest: "/a/b/x" });
  rmSync(join(root, "a/b"), { recursive: true });
  symlinkSync("/usr", join(root, "a/b"));
  places.forget();
  expect(find("/a/b/bin")).toMatchObject({ guest: "/usr/bin" });
});
