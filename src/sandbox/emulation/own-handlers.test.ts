import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSyscalls } from "../../sys/load-syscalls.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import { OwnHandlers } from "./own-handlers.ts";
import type { Qemu } from "./types.ts";

const arm64: Qemu = { architecture: "arm64", path: "/usr/bin/qemu-aarch64", version: "7", keepsName: true };
const riscv64: Qemu = { ...arm64, architecture: "riscv64", path: "/usr/bin/qemu-riscv64" };
let scratch = "";

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "handlers-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Mounts nothing; the mount of number `refused` fails. */
function fakeCalls(mounts: string[], refused: number): Syscalls {
  const mount: Syscalls["mount"] = (source, target) => {
    mounts.push(`${source} ${target.slice(scratch.length)}`);
    if (mounts.length === refused) throw Object.assign(new Error("EPERM: mount"), { code: "EPERM" });
  };
  return { ...loadSyscalls(), mount };
}

test.each([1, 2, 3])("what was refused once, here at mount %i, may be asked for again", (refused) => {
  const mounts: string[] = [];
  const handlers = new OwnHandlers(fakeCalls(mounts, refused), scratch);
  expect(() => handlers.register(arm64)).toThrow(expect.objectContaining({ code: "SANDBOX_EMULATOR" }));
  handlers.register(arm64);
  handlers.register(arm64);
  handlers.register(riscv64);
  const instances = mounts.filter((mount) => mount.startsWith("binfmt_misc"));
  expect(instances).toHaveLength(refused === 1 ? 2 : 1);
  expect(readFileSync(`${scratch}/binfmt_misc/register`, "latin1")).toContain("manyarch-riscv64");
});

test("a registration that the kernel refuses is told, and may be asked for again", () => {
  const handlers = new OwnHandlers(fakeCalls([], 0), scratch);
  mkdirSync(`${scratch}/binfmt_misc/register`, { recursive: true });
  expect(() => handlers.register(arm64)).toThrow(/qemu-aarch64 could not be registered: EISDIR/);
  rmSync(`${scratch}/binfmt_misc/register`, { recursive: true });
  handlers.register(arm64);
  expect(readFileSync(`${scratch}/binfmt_misc/register`, "latin1")).toMatch(/manyarch-arm64.*\/qemu.CFP$/);
});
