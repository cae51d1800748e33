import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { openCache } from "./cache-directory.ts";
import type { WorkerContext } from "./context.ts";
import type { CacheMount } from "./protocol.ts";

const MOUNT: CacheMount = {
  kind: "cache",
  name: "c",
  target: "/c",
  sharing: "shared",
  readonly: false,
  mode: 0o755,
  uid: 0,
  gid: 0,
};

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cache-`);
});

afterEach(() => rmSync(directory, { recursive: true }));

test("a shared cache that somebody else makes at the same time stays, also while it is empty", async () => {
  const made = `${directory}/c/0`;
  let theirs = 0;
  const tempPath = (): string => {
    mkdirSync(made);
    theirs = statSync(made).ino;
    return `${directory}/ours`;
  };
  const store = { cacheDirectory: (name: string) => `${directory}/${name}` };
  const context = { store, temp: { tempPath }, syscalls: loadSyscalls() } as unknown as WorkerContext;
  const cache = await openCache(MOUNT, context, new AbortController().signal);
  expect(statSync(cache.directory).ino).toBe(theirs);
  await cache.close();
});
