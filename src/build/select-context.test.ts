import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openStore } from "../store/store.ts";
import type { Store } from "../store/store.ts";
import { selectContext } from "./select-context.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "select-context-"));
  mkdirSync(join(root, "context"));
  for (const name of ["a", "b", "c"]) writeFileSync(join(root, "context", name), name);
  store = openStore(join(root, "store"));
});
afterEach(() => {
  vi.restoreAllMocks();
  store.close();
  rmSync(root, { recursive: true });
});

const select = (signal: AbortSignal, ...paths: readonly string[]) =>
  selectContext(store, { paths }, join(root, "context"), [], signal);

test("much that is read lets others have their turn, and ends when it is told to", async () => {
  const quick = await select(new AbortController().signal, ".");
  // Each look at the clock is a second later than the one before.
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
  expect(await select(new AbortController().signal, ".")).toEqual(quick);
  const stop = new AbortController();
  const aborted = select(stop.signal, ".");
  stop.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
});
