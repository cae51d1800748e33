import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Call, WorkerContext } from "../context.ts";
import type { CopySource } from "../protocol.ts";
import { serve as checkMachines } from "./check-machines.ts";
import { serve as select } from "./select.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cancel-"));
  mkdirSync(join(directory, "many"));
  for (let count = 0; count < 1500; count++) writeFileSync(join(directory, "many", `${count}`), Buffer.alloc(8_000));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each(["select", "machines"])("%s ends when it is told to, though it waits for nothing", async (op) => {
  const source: CopySource = { kind: "context", directory, ignore: [] };
  const stop = new AbortController();
  const call: Call = { signal: stop.signal, onOutput: () => {} };
  // A directory of the machine needs nothing of it.
  const context = {} as WorkerContext;
  const paths = ["many"];
  const answer =
    op === "select"
      ? select({ op, source, paths }, context, call)
      : checkMachines({ op: "machines", source, paths, architecture: "amd64" }, context, call);
  stop.abort(new Error("stop"));
  await expect(answer).rejects.toThrow("stop");
});
