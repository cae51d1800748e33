import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { lineRange } from "../base/source.ts";
import { digestOf } from "../oci/digest.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import { openStore, type Session, type Store } from "../store/store.ts";
import { Engine } from "./engine.ts";
import type { BuildEventBody } from "./events.ts";
import { GraphBuilder } from "./graph.ts";
import type { EngineOptions } from "./options.ts";
import { StepReporter } from "./reporter.ts";
import { Results } from "./results.ts";
import { FakeWorker, type Behaviour } from "./testing/fake-worker.ts";
import type { CopyStep, ImageStep, RunStep, Step, StepId } from "./types.ts";
import { SlotBook } from "./why.ts";

const SOURCE = lineRange({ name: "Dockerfile", text: "FROM x\n" }, 1);
const BOOT = "boot 1";
const AMD64 = parsePlatform("linux/amd64");
const ARM64 = parsePlatform("linux/arm64");

let root: string;
let store: Store;
let session: Session;
let graph: GraphBuilder;
let events: BuildEventBody[];
/** What COPY finds in the context. */
let content: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "manyarch-engine-"));
  store = openStore(root);
  session = store.session();
  graph = new GraphBuilder();
  events = [];
  content = "sha256:one";
});
afterEach(async () => {
  await session.close();
  store.close();
  rmSync(root, { recursive: true, force: true });
});

function add(step: Step, text: string = step.kind, platform = AMD64): StepId {
  return graph.add(step, { stage: "stage 1/1", text, target: platform, source: SOURCE });
}

function run(base: StepId, command: string, more: Partial<RunStep> = {}): StepId {
  const step: RunStep = {
    kind: "run",
    base,
    argv: ["sh", "-c", command],
    env: [],
    hiddenEnv: [],
    cwd: "/",
    user: "",
    network: "host",
    platform: AMD64,
    ...more,
  };
  return add(step, `RUN ${command}`, more.platform);
}

function copy(base: StepId, from: StepId, destination: string, more: Partial<CopyStep> = {}): StepId {
  const step: CopyStep = { kind: "copy", base, from, paths: ["a"], destination, intoDirectory: false, ...more };
  return add(step, `COPY a ${destination}`);
}

const scratch = (): StepId => add({ kind: "scratch" });
const context = (): StepId => add({ kind: "context", directory: "/context", ignore: [] });

/** A distribution's image of one layer. */
function image(): StepId {
  const digest = digestOf(Buffer.from("base"));
  const descriptor = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 4 };
  const step: ImageStep = {
    kind: "image",
    reference: parseReference("example.com/base:1"),
    platform: AMD64,
    manifest: descriptor,
    layers: [descriptor],
    diffIds: [digest],
    history: ["# debian.sh"],
    mentions: [],
  };
  return add(step, "FROM base");
}

const nothing = (): Promise<never> => Promise.reject(new Error("nothing is at an address"));

interface Built {
  readonly engine: Engine;
  readonly worker: FakeWorker;
  readonly fetched: number[];
}

function engineOf(behaviour?: Behaviour, more: Partial<EngineOptions> = {}): Built {
  const fetched: number[] = [];
  const worker = new FakeWorker(store, session, BOOT, behaviour);
  const signal = more.signal ?? new AbortController().signal;
  const finished = graph.finish();
  const engine = new Engine({
    graph: finished,
    results: new Results(store, BOOT, () => undefined),
    reporter: new StepReporter(finished, 2, signal, (event) => events.push(event)),
    slots: new SlotBook(store.records, "scope"),
    packing: { compression: "gzip", format: "oci" },
    parallelism: 2,
    noCache: false,
    signal,
    hostCa: () => undefined,
    goCache: () => undefined,
    emulator: () => undefined,
    worker: () => Promise.resolve(worker),
    fetchLayer: (base, index) => {
      fetched.push(index);
      const { digest, size, mediaType } = base.layers[index]!;
      return Promise.resolve({ digest, size, mediaType, diffId: base.diffIds[index]! });
    },
    private: { secret: () => undefined, agent: () => undefined },
    remote: { file: nothing, commit: nothing, repository: nothing },
    selectContext: () => Promise.resolve({ content }),
    ...more,
  });
  return { engine, worker, fetched };
}

const kinds = (kind: BuildEventBody["kind"]): readonly string[] =>
  events.flatMap((event) => (event.kind === kind && "text" in event ? [event.text] : []));

describe("what is not needed is not done", () => {
  test("a stage of COPY neither fetches nor extracts its base", async () => {
    const wanted = copy(image(), context(), "/app");
    const { engine, worker, fetched } = engineOf();
    const layers = await engine.layers(wanted);
    expect(layers.map(({ kind }) => kind)).toEqual(["base", "made"]);
    expect(worker.operations()).toEqual(["copy"]);
    expect(worker.requests[0]).toMatchObject({ base: { kind: "absent" }, result: { kind: "layer" } });
    expect(fetched).toEqual([]);
  });

  test("a second build asks the worker for nothing, and says what was known", async () => {
    const wanted = copy(run(image(), "one"), context(), "/app");
    await engineOf().engine.layers(wanted);
    events = [];
    const { engine, worker, fetched } = engineOf();
    await engine.layers(wanted);
    expect(worker.requests).toEqual([]);
    expect(fetched).toEqual([]);
    expect(kinds("step.started")).toEqual([]);
    expect(kinds("step.cached").toSorted()).toEqual(["COPY a /app", "RUN one"]);
  });

  test("changed content runs that COPY and what stands on it, and nothing below", async () => {
    const wanted = run(copy(run(image(), "below"), context(), "/app"), "above");
    await engineOf().engine.layers(wanted);
    events = [];
    content = "sha256:two";
    await engineOf().engine.layers(wanted);
    expect(kinds("step.started")).toEqual(["COPY a /app", "RUN above"]);
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
    const wanted = copy(image(), context(), destination, more);
    const { engine, worker, fetched } = engineOf();
    await engine.layers(wanted);
    expect(fetched).toEqual(reads ? [0] : []);
    expect(worker.operations()).toEqual(reads ? ["index", "copy"] : ["copy"]);
  });

  test.each([true, false])("where a COPY before it may have left a link: %s", async (hasLink) => {
    const wanted = copy(copy(image(), context(), "/app/a"), context(), "/app/l/b");
    const { engine, worker, fetched } = engineOf();
    const link = { type: "symlink", path: "app/l", mode: 0o777, uid: 0, gid: 0, mtime: 0n, target: "/usr" } as const;
    worker.indexed = hasLink ? [link] : [];
    await engine.layers(wanted);
    expect(fetched).toEqual(hasLink ? [0] : []);
  });
});

describe("what is done is done once", () => {
  test("a layer that is being made is waited for by whoever needs its files", async () => {
    const wanted = copy(scratch(), context(), "/app");
    let files: Promise<unknown> | undefined;
    const built = engineOf(() => void (files ??= built.engine.snapshot(wanted)));
    await built.engine.layers(wanted);
    await files;
    expect(built.worker.operations()).toEqual(["copy", "extract"]);
  });

  test("a step of several platforms runs once for all", async () => {
    const shared = run(scratch(), "shared");
    const one = run(shared, "each", { platform: AMD64 });
    const other = run(shared, "each", { platform: ARM64 });
    const { engine, worker } = engineOf();
    await Promise.all([engine.layers(one), engine.layers(other)]);
    expect(worker.operations().filter((op) => op === "run")).toHaveLength(3);
  });

  test("independent steps run side by side, no more than allowed", async () => {
    const base = scratch();
    const wanted = [1, 2, 3, 4, 5].map((number) => run(base, `${number}`));
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
    const { engine, worker } = engineOf(wait, { parallelism: 2 });
    await Promise.all(wanted.map((id) => engine.snapshot(id)));
    expect(worker.mostAtOnce).toBe(2);
  });

  test("variables that are hidden reach the process and are no part of its name", async () => {
    const proxied = (proxy: string): StepId => run(scratch(), "get", { hiddenEnv: [`http_proxy=${proxy}`] });
    const first = proxied("http://one");
    const { engine, worker } = engineOf();
    await engine.snapshot(first);
    expect(worker.requests[0]).toMatchObject({ env: ["http_proxy=http://one"] });
    const behindAnother = proxied("http://two");
    const again = engineOf();
    await again.engine.snapshot(behindAnother);
    expect(again.worker.requests).toEqual([]);
  });
});

describe("what was lost is made again", () => {
  test("a snapshot comes back from its layer; the RUN is not repeated", async () => {
    const below = run(scratch(), "below");
    const wanted = run(below, "above");
    await engineOf().engine.layers(wanted);
    rmSync(join(root, "snapshots"), { recursive: true });
    const { engine, worker } = engineOf();
    await engine.snapshot(wanted);
    expect(worker.operations()).toEqual(["extract", "extract"]);
  });

  test("a RUN whose snapshot and layer are gone runs again, under another name", async () => {
    const wanted = run(scratch(), "one");
    const first = engineOf();
    const [before] = await first.engine.snapshot(wanted);
    rmSync(join(root, "snapshots"), { recursive: true });
    const { engine, worker } = engineOf();
    const [after] = await engine.snapshot(wanted);
    expect(worker.operations()).toEqual(["run"]);
    expect(after).not.toBe(before);
  });

  test("--no-cache repeats everything, and the next build takes the new results", async () => {
    const wanted = run(scratch(), "one");
    const [before] = await engineOf().engine.snapshot(wanted);
    const forced = engineOf(undefined, { noCache: true });
    const [after] = await forced.engine.snapshot(wanted);
    expect(after).not.toBe(before);
    const next = engineOf();
    expect(await next.engine.snapshot(wanted)).toEqual([after]);
    expect(next.worker.requests).toEqual([]);
  });
});

test("a base image tells of each layer that it extracts", async () => {
  const wanted = image();
  const { engine } = engineOf();
  await engine.snapshot(wanted);
  expect(kinds("layer.started")).toEqual(["FROM base"]);
  expect(kinds("layer.done")).toEqual(["FROM base"]);
});

describe("what a RUN leaves that is made again", () => {
  const lose = (): void => rmSync(join(root, "snapshots"), { recursive: true });

  test("is not what a key was made of: the build begins again", async () => {
    const made = run(scratch(), "make");
    const before = copy(scratch(), made, "/x");
    const wanted = copy(scratch(), made, "/y");
    await engineOf().engine.layers(before);
    lose();
    const again = engineOf().engine.layers(wanted);
    await expect(again).rejects.toMatchObject({ code: "STEP_RESULT_CHANGED", retryable: true });
    await engineOf().engine.layers(wanted);
  });

  test("is looked at once, and known by its new name", async () => {
    const made = run(scratch(), "make");
    const before = copy(scratch(), made, "/x");
    const wanted = copy(scratch(), made, "/y");
    await engineOf().engine.snapshot(made);
    lose();
    await engineOf().engine.layers(before);
    const { engine, worker } = engineOf();
    await engine.layers(wanted);
    expect(worker.operations()).toEqual(["copy"]);
  });

  test("has its record, though a build was killed before it could write that", async () => {
    const wanted = run(scratch(), "one");
    await engineOf().engine.layers(wanted);
    const steps = store.records.table<unknown>("steps");
    const rows = [...steps.entries()].map(({ key }) => key);
    for (const key of rows) steps.delete(key);
    const { engine, worker } = engineOf();
    await engine.layers(wanted);
    expect(worker.requests).toEqual([]);
    expect([...steps.entries()].map(({ key }) => key)).toEqual(rows);
  });
});

test("what leaves a stage that crosses and is for another machine fails by its stage", async () => {
  const origin = "linux/arm64 0";
  const wanted = copy(scratch(), context(), "/x", { expectMachine: { platform: ARM64, origin } });
  const { engine, worker } = engineOf();
  worker.wrong = [{ path: "/a", architecture: "amd64" }];
  await expect(engine.layers(wanted)).rejects.toMatchObject({ code: "CROSS_FAILED", origin, source: SOURCE });
  expect(worker.operations()).toEqual(["machines"]);
});

describe("what was forced to run again", () => {
  test("is executed, also where its layer is the same on every base", async () => {
    const wanted = copy(scratch(), context(), "/x", { link: true });
    await engineOf().engine.layers(wanted);
    const { engine, worker } = engineOf(undefined, { forced: new Set([wanted]) });
    await engine.layers(wanted);
    expect(worker.operations()).toEqual(["copy"]);
  });

  const above = (): { readonly lower: StepId; readonly wanted: StepId } => {
    const lower = run(scratch(), "lower");
    return { lower, wanted: run(lower, "upper") };
  };

  test("takes what stands on it along, also where the build that forced it failed on the way", async () => {
    const { lower, wanted } = above();
    await engineOf().engine.layers(wanted);
    const fail: Behaviour = (request) => {
      if (request.op === "run" && request.argv.includes("upper")) throw new AppError("RUN_FAILED", "exit code 1");
    };
    const forced = engineOf(fail, { forced: new Set([lower]) });
    await expect(forced.engine.layers(wanted)).rejects.toMatchObject({ code: "RUN_FAILED" });
    events = [];
    await engineOf().engine.layers(wanted);
    expect(kinds("step.started")).toEqual(["RUN upper"]);
    events = [];
    await engineOf().engine.layers(wanted);
    expect(kinds("step.started")).toEqual([]);
  });

  test("takes a RUN along that mounts the whole of it", async () => {
    const other = run(scratch(), "other");
    const mount = { kind: "bind", from: other, source: "/", target: "/m", readonly: true } as const;
    const wanted = run(scratch(), "mounts", { mounts: [mount] });
    await engineOf().engine.layers(wanted);
    events = [];
    await engineOf(undefined, { forced: new Set([other]) }).engine.layers(wanted);
    expect(kinds("step.started")).toEqual(["RUN other", "RUN mounts"]);
  });

  test("begins anew, and what was only lost does not", async () => {
    const { wanted } = above();
    await engineOf().engine.snapshot(wanted);
    rmSync(join(root, "snapshots"), { recursive: true });
    await engineOf().engine.snapshot(wanted);
    events = [];
    await engineOf().engine.snapshot(wanted);
    expect(kinds("step.started")).toEqual([]);
  });
});

describe("what fails", () => {
  const fail: Behaviour = (request) => {
    if (request.op === "run" && request.argv.includes("bad")) throw new AppError("RUN_FAILED", "exit code 1");
  };

  test("leaves with the place of its instruction, and stays undone", async () => {
    const wanted = run(scratch(), "bad");
    const { engine } = engineOf(fail);
    await expect(engine.snapshot(wanted)).rejects.toMatchObject({ code: "RUN_FAILED", source: SOURCE });
    expect(kinds("step.failed")).toEqual(["RUN bad"]);
    const again = engineOf();
    await again.engine.snapshot(wanted);
    expect(again.worker.operations()).toEqual(["run"]);
    const reasons = events.flatMap((event) => (event.kind === "step.started" ? event.reason : []));
    expect(reasons).toEqual(["not built here before", "it was not finished the last time"]);
  });

  test("of several platforms, the first line names the step that failed and not those that waited for it", async () => {
    const step: Step = {
      kind: "copy",
      base: scratch(),
      from: run(scratch(), "bad"),
      paths: ["a"],
      destination: "/",
      intoDirectory: false,
    };
    const wanted = graph.add(step, { stage: "last 1/1", text: "COPY --from=stage", target: ARM64, source: SOURCE });
    const { engine } = engineOf(fail);
    const message = "exit code 1 (linux/amd64, stage 1/1)";
    await expect(engine.snapshot(wanted)).rejects.toMatchObject({ code: "RUN_FAILED", message });
  });

  test("what is under way when it is aborted was canceled and did not fail", async () => {
    const stop = new AbortController();
    const wanted = run(scratch(), "long");
    const { engine } = engineOf(
      () => {
        stop.abort(new Error("enough"));
        throw new Error("killed");
      },
      { signal: stop.signal },
    );
    await expect(engine.snapshot(wanted)).rejects.toThrow("killed");
    await engine.settled();
    expect(events.map(({ kind }) => kind)).toContain("step.canceled");
    expect(events.map(({ kind }) => kind)).not.toContain("step.failed");
  });
});
