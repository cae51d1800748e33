import type { BuildEvent, BuildEventBody, StepName } from "../../engine/events.ts";
import type { StepId } from "../../engine/types.ts";
import type { TransferState } from "../../base/transfer.ts";

/** Names for the steps of recorded builds. */
export function step(id: string, stage: string, text: string, ...platforms: readonly string[]): StepName {
  return { step: id as StepId, stage, text, platforms, shared: platforms.length > 1 };
}

export function output(
  name: StepName,
  text: string | Uint8Array,
  stream: "stdout" | "stderr" = "stdout",
): BuildEventBody {
  return { kind: "step.output", step: name.step, stream, data: typeof text === "string" ? Buffer.from(text) : text };
}

export function transfer(
  direction: "pull" | "push",
  digit: string,
  state: TransferState,
  total?: number,
): BuildEventBody {
  const repository = direction === "pull" ? "docker.io/library/golang" : "localhost:5000/demo/web";
  return { kind: "transfer", direction, what: "layer", repository, digest: `sha256:${digit.repeat(64)}`, total, state };
}

/** Gives each event a time, so many milliseconds after the one before. */
export function timed(events: readonly (readonly [milliseconds: number, event: BuildEventBody])[]): BuildEvent[] {
  let time = 0;
  return events.map(([milliseconds, event]) => ({ time: (time += milliseconds), ...event }));
}

export const CONTEXT = step("a", "context", "");
export const DOWNLOAD = step("b", "build 3/6", "RUN go mod download", "linux/amd64", "linux/arm64", "linux/arm/v7");
export const COMPILE = step("c", "build 5/6", "RUN go build -o /app .", "linux/arm64");
export const COPY = step("d", "stage-1 2/2", "COPY --from=build /app /app", "linux/arm/v7");

/** Two platforms, one step from the cache, a layer pushed and one there already. */
export const SAMPLE_BUILD: readonly BuildEvent[] = timed([
  [
    0,
    {
      kind: "build.started",
      platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7"],
      dockerfile: "Dockerfile",
    },
  ],
  [0, { kind: "build.planned", steps: 4, stages: [] }],
  [5, { kind: "step.started", ...CONTEXT, reason: "always" }],
  [15, { kind: "step.done", ...CONTEXT, milliseconds: 15 }],
  [0, transfer("pull", "1", { kind: "started" }, 45_000_000)],
  [1000, transfer("pull", "1", { kind: "progress", bytes: 2_000_000 }, 45_000_000)],
  [5000, transfer("pull", "1", { kind: "progress", bytes: 12_300_000 }, 45_000_000)],
  [2000, transfer("pull", "1", { kind: "done", milliseconds: 8000 }, 45_000_000)],
  [10, { kind: "step.started", ...DOWNLOAD, reason: "go.sum (content)" }],
  [412, output(DOWNLOAD, "go: downloading github.com/go-chi/chi/v5 v5.2.1\ngo: downloading go.uber.org/zap ")],
  [1, { kind: "step.started", ...COMPILE, reason: "main.go (content)" }],
  [30, output(COMPILE, "# example.com/web\n", "stderr")],
  [10, output(DOWNLOAD, "v1.27.0\nno newline at the end")],
  [747, { kind: "step.done", ...DOWNLOAD, milliseconds: 1200 }],
  [800, { kind: "step.done", ...COMPILE, milliseconds: 1557 }],
  [1, { kind: "step.cached", ...COPY, reason: "result in the store" }],
  [
    1,
    {
      kind: "note",
      level: "warning",
      code: "CACHE_IMPORT",
      message: "cache registry.example.com/c is not reachable",
      hint: "Check the address.",
    },
  ],
  [1, transfer("push", "2", { kind: "started" }, 4_500_000)],
  [300, transfer("push", "2", { kind: "done", milliseconds: 300 }, 4_500_000)],
  [1, transfer("push", "3", { kind: "skipped", reason: "exists" }, 2_000)],
  [1, transfer("push", "4", { kind: "skipped", reason: "mounted" }, 2_000)],
  [
    1,
    {
      kind: "build.done",
      milliseconds: 10_337,
      stepsRun: 3,
      stepsCached: 1,
      layersPushed: 1,
      layersSkipped: 2,
      bytesPushed: 4_500_000,
      bytesPulled: 45_000_000,
      digest: `sha256:${"5".repeat(64)}`,
      outputs: ["localhost:5000/demo/web:latest"],
    },
  ],
]);
