import { expect, test } from "vitest";
import { parsePlatform } from "../oci/platform.ts";
import type { BuildEventBody } from "./events.ts";
import { GraphBuilder } from "./graph.ts";
import { StepReporter } from "./reporter.ts";
import type { StepId } from "./types.ts";

test("of each step one thing is told: that it ran, or that it was known", async () => {
  const graph = new GraphBuilder();
  const label = { stage: "s 1/1", target: parsePlatform("linux/amd64") };
  const scratch = graph.add({ kind: "scratch" }, { ...label, text: "scratch" });
  const make = (path: string): StepId => graph.add({ kind: "mkdir", base: scratch, path }, { ...label, text: path });
  const [ran, known, unasked] = [make("/ran"), make("/known"), make("/unasked")];
  const events: BuildEventBody[] = [];
  const reporter = new StepReporter(graph.finish(), 1, new AbortController().signal, (event) => events.push(event));
  await reporter.execute(ran, "not built here before", () => Promise.resolve());
  reporter.hit(ran, "layer in the store");
  reporter.hit(known, "layer in the store");
  reporter.hit(known, "result in the store");
  reporter.rest();
  expect(
    events.map((event) => ("step" in event ? `${event.kind} ${"text" in event ? event.text : ""}` : event.kind)),
  ).toEqual(["step.started /ran", "step.done /ran", "step.cached /known", "step.cached /unasked"]);
  expect([reporter.ran, reporter.cached]).toEqual([new Set([ran]), new Set([known, unasked])]);
});
