import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { Results } from "./results.ts";
import { BOOT, EngineYard, type Built } from "./testing/engine-yard.ts";
import type { Behaviour } from "./testing/fake-worker.ts";
import type { StepId } from "./types.ts";

let yard: EngineYard;
beforeEach(() => {
  yard = new EngineYard();
});
afterEach(() => yard.close());

describe("what was lost is made again", () => {
  test("a snapshot comes back from its layer; the RUN is not repeated", async () => {
    const below = yard.run(yard.scratch(), "below");
    const wanted = yard.run(below, "above");
    await yard.engineOf().engine.layers(wanted);
    rmSync(join(yard.root, "snapshots"), { recursive: true });
    const { engine, worker } = yard.engineOf();
    await engine.snapshot(wanted);
    expect(worker.operations()).toEqual(["extract", "extract"]);
  });

  test("a RUN whose snapshot and layer are gone runs again, under another name", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    const first = yard.engineOf();
    const [before] = await first.engine.snapshot(wanted);
    rmSync(join(yard.root, "snapshots"), { recursive: true });
    const { engine, worker } = yard.engineOf();
    const [after] = await engine.snapshot(wanted);
    expect(worker.operations()).toEqual(["run"]);
    expect(after).not.toBe(before);
  });

  test("a snapshot of an earlier boot, and a blob that is gone, are lost", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    const [id = ""] = await yard.engineOf().engine.snapshot(wanted);
    writeFileSync(join(yard.store.snapshotDirectory(id), "boot"), "boot 0");
    const { engine, worker } = yard.engineOf();
    await engine.layers(wanted);
    expect(worker.operations()).toEqual(["run", "pack"]);
    rmSync(join(yard.root, "snapshots"), { recursive: true });
    rmSync(join(yard.root, "blobs/sha256"), { recursive: true });
    mkdirSync(join(yard.root, "blobs/sha256"));
    const again = yard.engineOf();
    await again.engine.layers(wanted);
    expect(again.worker.operations()).toEqual(["run", "pack"]);
  });

  test("--no-cache repeats everything, and the next build takes the new results", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    const [before] = await yard.engineOf().engine.snapshot(wanted);
    const forced = yard.engineOf(undefined, { noCache: true });
    const [after] = await forced.engine.snapshot(wanted);
    expect(after).not.toBe(before);
    const next = yard.engineOf();
    expect(await next.engine.snapshot(wanted)).toEqual([after]);
    expect(next.worker.requests).toEqual([]);
  });
});

describe("snapshots of the other form", () => {
  /** Its worker reads the form of `kept` only, which nobody knows before it has started. */
  function engineOfKept(): Built {
    let form: "kept" | undefined;
    const built = yard.engineOf(undefined, {
      results: new Results(yard.store, BOOT, () => form),
      worker: () => {
        form = "kept";
        return Promise.resolve(built.worker);
      },
    });
    return built;
  }

  test("are told apart by the worker where nothing else can: the RUN runs again, under another name", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    const [before] = await yard.engineOf().engine.snapshot(wanted);
    const second = engineOfKept();
    const [after] = await second.engine.snapshot(wanted);
    expect(second.worker.operations()).toEqual(["run"]);
    expect(after).not.toBe(before);
  });

  test("are not taken for parents of a base's layers", async () => {
    const base = yard.image(2);
    const [lower = ""] = await yard.engineOf().engine.snapshot(base);
    rmSync(join(yard.store.snapshotDirectory(lower), "boot"));
    const second = engineOfKept();
    await second.engine.snapshot(base);
    expect(second.worker.operations()).toEqual(["extract", "extract"]);
  });

  test("that are found out late are not made again under their name: the build begins again", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    await yard.engineOf().engine.snapshot(wanted);
    let asked = 0;
    // As remembered of the last build, while the record is read; then the worker has started, and says otherwise.
    const form = (): "plain" | "kept" => (asked++ < 3 ? "plain" : "kept");
    const { engine, worker } = yard.engineOf(undefined, { results: new Results(yard.store, BOOT, form) });
    await expect(engine.snapshot(wanted)).rejects.toMatchObject({ code: "STORE_SNAPSHOT_MISSING", retryable: true });
    expect(worker.requests).toEqual([]);
  });
});

describe("what a RUN leaves that is made again", () => {
  const lose = (): void => rmSync(join(yard.root, "snapshots"), { recursive: true });

  test("is not what a key was made of: the build begins again", async () => {
    const made = yard.run(yard.scratch(), "make");
    const before = yard.copy(yard.scratch(), made, "/x");
    const wanted = yard.copy(yard.scratch(), made, "/y");
    await yard.engineOf().engine.layers(before);
    lose();
    const again = yard.engineOf().engine.layers(wanted);
    await expect(again).rejects.toMatchObject({ code: "STEP_RESULT_CHANGED", retryable: true });
    await yard.engineOf().engine.layers(wanted);
  });

  test("is not what a mount's part of a key was made of, either", async () => {
    const made = yard.run(yard.scratch(), "make");
    const mounts = [{ kind: "bind", from: made, source: "/x", target: "/m", readonly: true }] as const;
    const before = yard.run(yard.scratch(), "before", { mounts });
    const wanted = yard.run(yard.scratch(), "wanted", { mounts });
    await yard.engineOf().engine.snapshot(before);
    lose();
    const again = yard.engineOf();
    await expect(again.engine.snapshot(wanted)).rejects.toMatchObject({ code: "STEP_RESULT_CHANGED" });
    expect(again.worker.operations()).toEqual(["run", "select"]);
    await yard.engineOf().engine.snapshot(wanted);
  });

  test("is looked at once, and known by its new name", async () => {
    const made = yard.run(yard.scratch(), "make");
    const before = yard.copy(yard.scratch(), made, "/x");
    const wanted = yard.copy(yard.scratch(), made, "/y");
    await yard.engineOf().engine.snapshot(made);
    lose();
    await yard.engineOf().engine.layers(before);
    const { engine, worker } = yard.engineOf();
    await engine.layers(wanted);
    expect(worker.operations()).toEqual(["copy"]);
  });

  test("has its record, though a build was killed before it could write that", async () => {
    const wanted = yard.run(yard.scratch(), "one");
    await yard.engineOf().engine.layers(wanted);
    const steps = yard.store.records.table<unknown>("steps");
    const rows = [...steps.entries()].map(({ key }) => key);
    for (const key of rows) steps.delete(key);
    const { engine, worker } = yard.engineOf();
    await engine.layers(wanted);
    expect(worker.requests).toEqual([]);
    expect([...steps.entries()].map(({ key }) => key)).toEqual(rows);
  });
});

describe("what was forced to run again", () => {
  test("is executed, also where its layer is the same on every base", async () => {
    const wanted = yard.copy(yard.scratch(), yard.context(), "/x", { link: true });
    await yard.engineOf().engine.layers(wanted);
    const { engine, worker } = yard.engineOf(undefined, { forced: new Set([wanted]) });
    await engine.layers(wanted);
    expect(worker.operations()).toEqual(["copy"]);
  });

  const above = (): { readonly lower: StepId; readonly wanted: StepId } => {
    const lower = yard.run(yard.scratch(), "lower");
    return { lower, wanted: yard.run(lower, "upper") };
  };

  test("takes what stands on it along, also where the build that forced it failed on the way", async () => {
    const { lower, wanted } = above();
    await yard.engineOf().engine.layers(wanted);
    const fail: Behaviour = (request) => {
      if (request.op === "run" && request.argv.includes("upper")) throw new AppError("RUN_FAILED", "exit code 1");
    };
    const forced = yard.engineOf(fail, { forced: new Set([lower]) });
    await expect(forced.engine.layers(wanted)).rejects.toMatchObject({ code: "RUN_FAILED" });
    yard.events = [];
    await yard.engineOf().engine.layers(wanted);
    expect(yard.kinds("step.started")).toEqual(["RUN upper"]);
    yard.events = [];
    await yard.engineOf().engine.layers(wanted);
    expect(yard.kinds("step.started")).toEqual([]);
  });

  test("takes a RUN along that mounts the whole of it", async () => {
    const other = yard.run(yard.scratch(), "other");
    const mount = { kind: "bind", from: other, source: "/", target: "/m", readonly: true } as const;
    const wanted = yard.run(yard.scratch(), "mounts", { mounts: [mount] });
    await yard.engineOf().engine.layers(wanted);
    yard.events = [];
    await yard.engineOf(undefined, { forced: new Set([other]) }).engine.layers(wanted);
    expect(yard.kinds("step.started")).toEqual(["RUN other", "RUN mounts"]);
  });

  test("runs also where another step has its key and is not forced", async () => {
    const [one, other] = ["a", "b"].map((path) => {
      const copied = yard.copy(yard.scratch(), yard.context(), "/x", { paths: [path] });
      return yard.run(copied, "upper");
    }) as [StepId, StepId];
    await yard.engineOf().engine.snapshot(one);
    const { engine, worker } = yard.engineOf(undefined, { forced: new Set([other]) });
    const before = await engine.snapshot(one);
    const after = await engine.snapshot(other);
    expect(worker.operations()).toEqual(["run"]);
    expect(after).not.toEqual(before);
    expect(await yard.engineOf().engine.snapshot(one)).toEqual(after);
  });

  test("begins anew, and what was only lost does not", async () => {
    const { wanted } = above();
    await yard.engineOf().engine.snapshot(wanted);
    rmSync(join(yard.root, "snapshots"), { recursive: true });
    await yard.engineOf().engine.snapshot(wanted);
    yard.events = [];
    await yard.engineOf().engine.snapshot(wanted);
    expect(yard.kinds("step.started")).toEqual([]);
  });
});
