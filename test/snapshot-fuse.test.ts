import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errnoOf } from "../src/base/errors.ts";
import { diffEntries } from "../src/snapshot/diff.ts";
import { fuseOverlayRoot } from "../src/snapshot/fuse-overlay-root.ts";
import { keepsDevices } from "../src/snapshot/keeps-devices.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { toOverlayForm } from "../src/snapshot/overlay-form.ts";
import { dump, listEntries } from "../src/snapshot/testing/dump.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { findProgram } from "./bed/process.ts";
import { runsAsRoot } from "./bed/user.ts";

const syscalls = loadSyscalls();
const { signal } = new AbortController();
const program = findProgram("fuse-overlayfs") ?? "";
const canServe = runsAsRoot && program !== "" && existsSync("/dev/fuse");
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fuse-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function base(script: string): string {
  const path = join(directory, "base");
  mkdirSync(path);
  execFileSync("sh", ["-ec", script], { cwd: path });
  return path;
}

test.skipIf(!canServe)("fuse-overlayfs leaves its changes in the form of all snapshots", async () => {
  const lower = [base("mkdir d e; echo a > d/f; echo b > d/g; echo c > e/h; echo gone > gone")];
  const roots = fuseOverlayRoot({ program, scratch: directory, syscalls });
  const upper = join(directory, "upper");
  const root = await roots.open({ lower, upper, space: directory }, signal);
  execFileSync("sh", ["-ec", "rm gone; rm -r d; mkdir d; echo n > d/n; echo more >> e/h; ln e/h e/i"], {
    cwd: root.directory,
  });
  root.release();
  await root.collect(signal);
  expect(existsSync(root.directory)).toBe(false);
  expect(listEntries(diffEntries(upper, new LayeredTree(lower, syscalls), { syscalls }))).toEqual([
    "gone whiteout",
    "d directory 755 0:0",
    "d/f whiteout",
    "d/g whiteout",
    'd/n file 644 0:0 "n\\n"',
    "e directory 755 0:0",
    'e/h file 644 0:0 "c\\nmore\\n"',
    "e/i hardlink 644 0:0 -> e/h",
  ]);
});

test.skipIf(!canServe)("a root that is given up has no process and no mount any more", async () => {
  const roots = fuseOverlayRoot({ program, scratch: directory, syscalls });
  const root = await roots.open({ lower: [], upper: join(directory, "upper"), space: directory }, signal);
  expect(serversOf(root.directory)).toHaveLength(1);
  await root.discard();
  await root.discard();
  expect(serversOf(root.directory)).toEqual([]);
  expect(mountsBelow(directory)).toEqual([]);
});

test.skipIf(!canServe)(
  "a fuse-overlayfs that is killed in the middle of a RUN fails it, and leaves no mount",
  async () => {
    const roots = fuseOverlayRoot({ program, scratch: directory, syscalls });
    const root = await roots.open({ lower: [], upper: join(directory, "upper"), space: directory }, signal);
    for (const pid of serversOf(root.directory)) process.kill(pid, "SIGKILL");
    await expect.poll(() => serversOf(root.directory)).toEqual([]);
    root.release();
    expect(mountsBelow(directory)).toEqual([]);
    expect(existsSync(root.directory)).toBe(false);
    await expect(root.collect(signal)).rejects.toMatchObject({ code: "OVERLAY_FUSE_FAILED" });
    await root.discard();
  },
);

test.skipIf(!canServe)("a fuse-overlayfs that cannot mount, or spoils devices, is told", async () => {
  const failing = fuseOverlayRoot({ program: "/bin/false", scratch: directory, syscalls });
  const layers = { lower: [], upper: join(directory, "upper"), space: directory };
  await expect(failing.open(layers, signal)).rejects.toMatchObject({ code: "OVERLAY_FUSE_FAILED" });
  const roots = fuseOverlayRoot({ program, scratch: directory, syscalls });
  const space = join(directory, "probe");
  mkdirSync(space);
  expect(typeof (await keepsDevices(roots, space, syscalls, signal))).toBe("boolean");
});

test("marks and names of fuse-overlayfs become those of overlayfs", () => {
  const lower = [base("mkdir d e; echo a > d/f; echo b > e/g; echo gone > gone")];
  const upper = join(directory, "upper");
  mkdirSync(upper);
  execFileSync("sh", ["-ec", "mkdir d e; touch .wh.gone d/.wh.f e/.wh..wh..opq; echo n > e/n"], { cwd: upper });
  syscalls.lsetxattr(join(upper, "d"), "user.fuseoverlayfs.opaque", Buffer.from("y"));
  toOverlayForm(upper, syscalls);
  const shown = dump(new LayeredTree([...lower, upper], syscalls), { times: false }).slice(1);
  expect(shown.map((line) => line.split(" ")[0])).toEqual(["/d", "/e", "/e/n"]);
  expect(syscalls.llistxattr(join(upper, "d"))).toEqual(["user.overlay.opaque"]);
});

function serversOf(mountPoint: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && commandOf(name).endsWith(`\0${mountPoint}\0`))
    .map(Number);
}

/** Of one that has ended it is empty. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return "";
    throw error;
  }
}

function mountsBelow(path: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(path));
}
