import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { makeMountPoints, removeMountPoints } from "./mount-points.ts";

const syscalls = loadSyscalls();
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "points-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("in place, what was hidden comes back and empty directories stay", () => {
  mkdirSync(join(root, "etc"));
  symlinkSync("../run/resolv.conf", join(root, "etc/resolv.conf"));
  lutimesSync(join(root, "etc/resolv.conf"), 7, 7);
  mkdirSync(join(root, "sys"));
  utimesSync(join(root, "etc"), 5, 5);
  const place = { directory: root, changes: root };
  const made = makeMountPoints(place, syscalls);
  expect(lstatSync(join(root, "etc/resolv.conf")).isFile()).toBe(true);
  expect(readdirSync(root)).toEqual(["dev", "etc", "proc", "sys"]);
  writeFileSync(join(root, "proc/kept"), "");
  removeMountPoints(place, made, syscalls);
  expect(readdirSync(root)).toEqual(["etc", "proc", "sys"]);
  expect(readdirSync(join(root, "etc"))).toEqual(["resolv.conf"]);
  expect(readlinkSync(join(root, "etc/resolv.conf"))).toBe("../run/resolv.conf");
  expect(lstatSync(join(root, "etc/resolv.conf")).mtimeMs).toBe(7000);
  expect(lstatSync(join(root, "etc")).mtimeMs).toBe(5000);
});

test("in place, what cannot be put back is not taken away", () => {
  mkdirSync(join(root, "etc"));
  syscalls.mknod(join(root, "etc/hosts"), 0o010644);
  chmodSync(join(root, "etc/hosts"), 0o644);
  expect(() => makeMountPoints({ directory: root, changes: root }, syscalls)).toThrow(
    expect.objectContaining({ code: "SANDBOX_MOUNT_POINT" }),
  );
  expect(lstatSync(join(root, "etc/hosts")).isFIFO()).toBe(true);
});

test("what the RUN has written into, or replaced, is its own and stays", () => {
  const place = { directory: root, changes: root };
  const made = makeMountPoints(place, syscalls);
  writeFileSync(join(root, "etc/hosts"), "written through the mount point");
  writeFileSync(join(root, "etc/other"), "");
  renameSync(join(root, "etc/other"), join(root, "etc/resolv.conf"));
  removeMountPoints(place, made, syscalls);
  expect(readdirSync(root)).toEqual(["etc"]);
  expect(readdirSync(join(root, "etc"))).toEqual(["hosts", "resolv.conf"]);
});
