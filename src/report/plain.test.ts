import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { lineRange } from "../base/source.ts";
import type { BuildEvent } from "../engine/events.ts";
import { openPlain } from "./plain.ts";
import { COMPILE, DOWNLOAD, output, SAMPLE_BUILD, step, timed } from "./testing/sample-build.ts";

function log(events: readonly BuildEvent[]): string {
  let text = "";
  const progress = openPlain((piece) => (text += piece));
  for (const event of events) progress.emit(event);
  progress.close();
  return text;
}

test("the log of a build", () => {
  expect(log(SAMPLE_BUILD)).toMatchInlineSnapshot(`
    "building Dockerfile for linux/amd64+arm64+arm/v7

    #1 [context] 
    #1 [context] why: always
    #1 [context] DONE 0.0s

    pull docker.io/library/golang layer 111111111111: 12.3 MB of 45.0 MB
    pull docker.io/library/golang layer 111111111111: done, 45.0 MB in 8.0s

    #2 [linux/amd64+arm64+arm/v7 build 3/6] RUN go mod download
    #2 [linux/amd64+arm64+arm/v7 build 3/6] why: go.sum (content)
    #2 [linux/amd64+arm64+arm/v7 build 3/6] 0.412 go: downloading github.com/go-chi/chi/v5 v5.2.1

    #3 [linux/arm64 build 5/6] RUN go build -o /app .
    #3 [linux/arm64 build 5/6] why: main.go (content)
    #3 [linux/arm64 build 5/6] 0.030 # example.com/web
    #2 [linux/amd64+arm64+arm/v7 build 3/6] 0.453 go: downloading go.uber.org/zap v1.27.0
    #2 [linux/amd64+arm64+arm/v7 build 3/6] 1.200 no newline at the end
    #2 [linux/amd64+arm64+arm/v7 build 3/6] DONE 1.2s
    #3 [linux/arm64 build 5/6] DONE 1.6s

    #4 [linux/arm/v7 stage-1 2/2] COPY --from=build /app /app
    #4 [linux/arm/v7 stage-1 2/2] CACHED (result in the store)

    warning[CACHE_IMPORT]: cache registry.example.com/c is not reachable
    help: Check the address.
    push localhost:5000/demo/web layer 222222222222: done, 4.5 MB in 0.3s
    push localhost:5000/demo/web layer 333333333333: already there
    push localhost:5000/demo/web layer 444444444444: mounted from another repository

    3 steps ran, 1 cached; 1 layer uploaded (4.5 MB), 2 already there; 45.0 MB pulled; 10.3s
    => localhost:5000/demo/web:latest
       sha256:5555555555555555555555555555555555555555555555555555555555555555
    "
  `);
});

test("a build that had nothing to do says so", () => {
  const done = { digest: undefined, outputs: [], bytesPushed: 0, bytesPulled: 0, milliseconds: 180 };
  const counts = { stepsRun: 0, stepsCached: 16, layersPushed: 0, layersSkipped: 9 };
  const text = log(timed([[0, { kind: "build.done", ...done, ...counts }]]));
  expect(text.trim()).toBe("no step ran, 16 cached; no layer uploaded, 9 already there; 0.2s");
});

test("a step that fails", () => {
  const error = new AppError("RUN_FAILED", "RUN go build: exit code 1\nmore", { hint: "Read its output." });
  const file = { name: "Dockerfile", text: "FROM x\nRUN go build\n" };
  const text = log(
    timed([
      [0, { kind: "step.started", ...COMPILE, reason: "" }],
      [1000, output(COMPILE, "main.go:3: undefined: x", "stderr")],
      [1, { kind: "step.failed", ...COMPILE, milliseconds: 1001, error }],
      [1, { kind: "note", level: "info", code: "X", message: "look", source: lineRange(file, 2) }],
      [1, { kind: "build.failed", milliseconds: 1003, error }],
    ]),
  );
  expect(text).toMatchInlineSnapshot(`
    "
    #1 [linux/arm64 build 5/6] RUN go build -o /app .
    #1 [linux/arm64 build 5/6] 1.001 main.go:3: undefined: x
    #1 [linux/arm64 build 5/6] ERROR 1.0s: RUN go build: exit code 1

    info[X]: look (Dockerfile:2)

    failed after 1.0s
    "
  `);
});

test("hostile output and names drive no terminal", () => {
  const evil = "\x1b[2J\x1b]0;title\x07\u202e\u009b31m\r\x07";
  const name = step("x", `st${evil}age`, `RUN ${evil}x`, "linux/amd64");
  const text = log(
    timed([
      [0, { kind: "build.started", platforms: [`linux${evil}`], dockerfile: `Docker${evil}file` }],
      [0, { kind: "step.started", ...name, reason: evil }],
      [1, output(name, `${evil}text\n${evil}`)],
      [1, output(name, Buffer.from([0xff, 0x1b, 0x5b]), "stderr")],
      [1, { kind: "step.done", ...name, milliseconds: 3 }],
      [1, { kind: "step.cached", ...name, reason: evil }],
      [1, { kind: "note", level: "warning", code: evil, message: evil, hint: evil }],
      [1, { kind: "step.failed", ...name, milliseconds: 3, error: new AppError("X", evil) }],
    ]),
  );
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  expect(text).toContain("#1 [linux/amd64 st age] 0.001 text");
  expect(text).toContain("#1 [linux/amd64 st age] 0.003 \ufffd");
});

test("every line of a step says its platform and step", () => {
  const text = log(
    timed([
      [0, { kind: "step.started", ...DOWNLOAD, reason: "" }],
      [0, { kind: "step.started", ...COMPILE, reason: "" }],
      [10, output(DOWNLOAD, "one\ntwo\n")],
      [10, output(COMPILE, "three\n")],
      [20, output(DOWNLOAD, "late\n")],
    ]),
  );
  const lines = text.split("\n").filter((line) => /one|two|three|late/.test(line));
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).toMatch(/^#\d \[linux\/\S+ build \d\/6\] \d+\.\d{3} (one|two|three|late)$/);
});

test("a gigabyte-like log keeps no memory", () => {
  let written = 0;
  const progress = openPlain((text) => (written += text.length));
  const chunk = Buffer.alloc(1024 * 1024, "x");
  progress.emit({ kind: "step.started", time: 0, ...COMPILE, reason: "" });
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100; i++) {
    progress.emit({ time: i, kind: "step.output", step: COMPILE.step, stream: "stdout", data: chunk });
  }
  globalThis.gc?.();
  expect(written).toBeGreaterThan(100 * 1024 * 1024);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(80 * 1024 * 1024);
});
