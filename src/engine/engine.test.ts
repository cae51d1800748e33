import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { Results } from "./results.ts";
import { AMD64, ARM64, BOOT, EngineYard, SOURCE } from "./testing/engine-yard.ts";
import type { Behaviour } from "./testing/fake-worker.ts";
import type { Step, StepId } from "./types.ts";

let yard: EngineYard;
beforeEach(() => {
  yard = new EngineYard();
});
afterEach(() => yard.close());

describe("what is not needed is not done", () => {
  test("a stage of COPY neither fetches nor extracts its base", async () => {
    const wanted = yard.copy(yard.image(), yard.context(), "/app");
    const { engine, worker, fetched } = yard.engineOf();
    const layers = await engine.layers(wanted);
    expect(layers.map(({ kind }) => kind)).toEqual(["base", "made"]);
    expect(worker.operations()).toEqual(["copy"]);
    expect(worker.requests[0]).toMatchObject({ base: { kind: "absent" }, result: { kind: "layer" } });
    expect(fetched).toEqual([]);
  });

  test("a second build asks the worker for nothing, and says what was known", async () => {
    const wanted = yard.copy(yard.run(yard.image(), "one"), yard.context(), "/app");
    await yard.engineOf().engine.layers(wanted);
    yard.events = [];
    const { engine, worker, fetched } = yard.engineOf();
    await engine.layers(wanted);
    expect(worker.requests).toEqual([]);
    expect(fetched).toEqual([]);
    expect(yard.kinds("step.started")).toEqual([]);
    expect(yard.kinds("step.cached").toSorted()).toEqual(["COPY a /app", "RUN one"]);
  });

  test("a step that several ask for is said to be known once", async () => {
    const shared = yard.run(yard.scratch(), "shared");
    const all = [yard.copy(yard.scratch(), shared, "/x"), yard.run(shared, "upper"), shared];
    for (const wanted of all) await yard.engineOf().engine.snapshot(wanted);
    yard.events = [];
    const { engine } = yard.engineOf();
    for (const wanted of [...all, ...all]) await Promise.all([engine.snapshot(wanted), engine.layers(wanted)]);
    expect(yard.kinds("step.cached").toSorted()).toEqual(["COPY a /x", "RUN shared", "RUN upper"]);
  });

  test("changed content runs that COPY and what stands on it, and nothing below", async () => {
    const wanted = yard.run(yard.copy(yard.run(yard.image(), "below"), yard.context(), "/app"), "above");
    await yard.engineOf().engine.layers(wanted);
    yard.events = [];
    yard.content = "sha256:two";
    await yard.engineOf().engine.layers(wanted);
    expect(yard.kinds("step.started")).toEqual(["COPY a /app", "RUN above"]);
  });
});

describe("what a COPY has to know of its base", () => {
  test.each([
    ["/app", {}, false],
    ["/usr/bin/x", {}, true],
    ["/usr/bin/x", { link: true }, false],
    ["/app", { owner: "1000:1000" }, false],
    ["/app", { owner: "app" }, true],
  ] as const)("to %s with %j it reads it: %s", async (destination, more, reads) => {
    const wanted = yard.copy(yard.image(), yard.context(), destination, more);
    const { engine, worker, fetched } = yard.engineOf();
    await engine.layers(wanted);
    expect(fetched).toEqual(reads ? [0] : []);
    expect(worker.operations()).toEqual(reads ? ["index", "copy"] : ["copy"]);
  });

  test.each([true, false])("where a COPY before it may have left a link: %s", async (hasLink) => {
    const wanted = yard.copy(yard.copy(yard.image(), yard.context(), "/app/a"), yard.context(), "/app/l/b");
    const { engine, worker, fetched } = yard.engineOf();
    const link = { type: "symlink", path: "app/l", mode: 0o777, uid: 0, gid: 0, mtime: 0n, target: "/usr" } as const;
    worker.indexed = hasLink ? [link] : [];
    await engine.layers(wanted);
    expect(fetched).toEqual(hasLink ? [0] : []);
  });
});

describe("what is done is done once", () => {
  test("a layer that is being made is waited for by whoever needs its files", async () => {
    const wanted = yard.copy(yard.scratch(), yard.context(), "/app");
    let files: Promise<unknown> | undefined;
    const built = yard.engineOf(() => void (files ??= built.engine.snapshot(wanted)));
    await built.engine.layers(wanted);
    await files;
    expect(built.worker.operations()).toEqual(["copy", "extract"]);
  });

  test("files that were asked for while a layer waited to be told what is there are made once", async () => {
    const wanted = yard.copy(yard.scratch(), yard.context(), "/app");
    await yard.engineOf().engine.snapshot(wanted);
    // As a build left it that was killed before it could write the record.
    const steps = yard.store.records.table<unknown>("steps");
    for (const { key } of [...steps.entries()]) steps.delete(key);
    let form: "kept" | undefined;
    let files: Promise<unknown> | undefined;
    const built = yard.engineOf(undefined, {
      results: new Results(yard.store, BOOT, () => form),
      worker: async () => {
        files ??= built.engine.snapshot(wanted);
        await setImmediate();
        form = "kept";
        return built.worker;
      },
    });
    await built.engine.layers(wanted);
    await files;
    expect(built.worker.operations()).toEqual(["copy", "pack"]);
  });

  test("a step of several platforms runs once for all", async () => {
    const shared = yard.run(yard.scratch(), "shared");
    const one = yard.run(shared, "each", { platform: AMD64 });
    const other = yard.run(shared, "each", { platform: ARM64 });
    const { engine, worker } = yard.engineOf();
    await Promise.all([engine.layers(one), engine.layers(other)]);
    expect(worker.operations().filter((op) => op === "run")).toHaveLength(3);
  });

  test("independent steps run side by side, no more than allowed", async () => {
    const base = yard.scratch();
    const wanted = [1, 2, 3, 4, 5].map((number) => yard.run(base, `${number}`));
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
    const { engine, worker } = yard.engineOf(wait, { parallelism: 2 });
    await Promise.all(wanted.map((id) => engine.snapshot(id)));
    expect(worker.mostAtOnce).toBe(2);
  });

  test("variables that are hidden reach the process and are no part of its name", async () => {
    const proxied = (proxy: string): StepId => yard.run(yard.scratch(), "get", { hiddenEnv: [`http_proxy=${proxy}`] });
    const first = proxied("http://one");
    const { engine, worker } = yard.engineOf();
    await engine.snapshot(first);
    expect(worker.requests[0]).toMatchObject({ env: ["http_proxy=http://one"] });
    const behindAnother = proxied("http://two");
    const again = yard.engineOf();
    await again.engine.snapshot(behindAnother);
    expect(again.worker.requests).toEqual([]);
  });
});

test("a base image tells of each layer that it extracts", async () => {
  const wanted = yard.image();
  const { engine } = yard.engineOf();
  await engine.snapshot(wanted);
  expect(yard.kinds("layer.started")).toEqual(["FROM base"]);
  expect(yard.kinds("layer.done")).toEqual(["FROM base"]);
});

test("what leaves a stage that crosses and is for another machine fails by its stage", async () => {
  const origin = "linux/arm64 0";
  const wanted = yard.copy(yard.scratch(), yard.context(), "/x", { expectMachine: { platform: ARM64, origin } });
  const { engine, worker } = yard.engineOf();
  worker.wrong = [{ path: "/a", architecture: "amd64" }];
  await expect(engine.layers(wanted)).rejects.toMatchObject({ code: "CROSS_FAILED", origin, source: SOURCE });
  expect(worker.operations()).toEqual(["machines"]);
});

test("what a build context lacks is told of before anything is asked for, whichever source names it", async () => {
  const more = [{ from: yard.context(), paths: ["gone"], unpack: false }];
  yard.copy(yard.scratch(), yard.run(yard.scratch(), "make"), "/x", { more });
  const { engine, worker } = yard.engineOf(undefined, {
    selectContext: ({ paths }) =>
      paths.includes("gone")
        ? Promise.reject(new AppError("COPY_NOT_FOUND", "gone is not there"))
        : Promise.resolve({ content: yard.content }),
  });
  await expect(engine.checkContexts()).rejects.toMatchObject({ code: "COPY_NOT_FOUND", source: SOURCE });
  expect(worker.requests).toEqual([]);
});

describe("what fails", () => {
  const fail: Behaviour = (request) => {
    if (request.op === "run" && request.argv.includes("bad")) throw new AppError("RUN_FAILED", "exit code 1");
  };

  test("leaves with the place of its instruction, and stays undone", async () => {
    const wanted = yard.run(yard.scratch(), "bad");
    const { engine } = yard.engineOf(fail);
    await expect(engine.snapshot(wanted)).rejects.toMatchObject({ code: "RUN_FAILED", source: SOURCE });
    expect(yard.kinds("step.failed")).toEqual(["RUN bad"]);
    const again = yard.engineOf();
    await again.engine.snapshot(wanted);
    expect(again.worker.operations()).toEqual(["run"]);
    const reasons = yard.events.flatMap((event) => (event.kind === "step.started" ? event.reason : []));
    expect(reasons).toEqual(["not built here before", "it was not finished the last time"]);
  });

  test("of several platforms, the first line names the step that failed and not those that waited for it", async () => {
    const step: Step = {
      kind: "copy",
      base: yard.scratch(),
      from: yard.run(yard.scratch(), "bad"),
      paths: ["a"],
      destination: "/",
      intoDirectory: false,
    };
    const wanted = yard.graph.add(step, {
      stage: "last 1/1",
      text: "COPY --from=stage",
      target: ARM64,
      source: SOURCE,
    });
    const { engine } = yard.engineOf(fail);
    const message = "exit code 1 (linux/amd64, stage 1/1)";
    await expect(engine.snapshot(wanted)).rejects.toMatchObject({ code: "RUN_FAILED", message });
  });

  test("what is under way when it is aborted was canceled and did not fail", async () => {
    const stop = new AbortController();
    const wanted = yard.run(yard.scratch(), "long");
    const { engine } = yard.engineOf(
      () => {
        stop.abort(new Error("enough"));
        throw new Error("killed");
      },
      { signal: stop.signal },
    );
    await expect(engine.snapshot(wanted)).rejects.toThrow("killed");
    await engine.settled();
    expect(yard.events.map(({ kind }) => kind)).toContain("step.canceled");
    expect(yard.events.map(({ kind }) => kind)).not.toContain("step.failed");
  });
});
