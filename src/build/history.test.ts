import { expect, test } from "vitest";
import type { ImageLayer } from "../engine/engine.ts";
import type { HistoryItem, ImageStep, StepId } from "../engine/types.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import type { LayerBlob } from "../worker/protocol.ts";
import { writeHistory } from "./history.ts";

const NEW = Date.parse("2026-05-05T05:05:05Z");
const OLD = "2020-01-01T00:00:00Z";

const step = (name: string): StepId => name as StepId;
const base = (createdBy: string, more: object = { created: OLD }): HistoryItem => ({
  kind: "base",
  entry: { created_by: createdBy, ...more },
});
const layer = (name: string): HistoryItem => ({ kind: "layer", createdBy: name, step: step(name) });
const empty = (name: string): HistoryItem => ({ kind: "empty", createdBy: name });
const made = (name: string, created = NEW): ImageLayer => ({
  kind: "made",
  blob: {} as LayerBlob,
  step: step(name),
  created,
});
const image = { reference: parseReference("debian:12"), platform: parsePlatform("linux/amd64") } as ImageStep;
const below = (index = 0): ImageLayer => ({ kind: "base", image, index });

/** `created_by` and day of each entry, `-` in front of those without a layer. */
function shape(items: readonly HistoryItem[], layers: readonly ImageLayer[], epoch?: number): string[] {
  const { history, created } = writeHistory(items, layers, epoch, (id) => `[1/1] ${id}`);
  return [
    ...history.map(
      ({ created_by, created: time, empty_layer }) =>
        `${empty_layer === true ? "-" : ""}${created_by} ${time?.slice(0, 10) ?? "never"}`,
    ),
    `= ${created?.slice(0, 10) ?? "never"}`,
  ];
}

test("an entry without a layer takes the time of the layer before, the first ones that of the first new layer", () => {
  const items = [base("a"), empty("ENV"), layer("RUN"), empty("CMD")];
  expect(shape(items, [below(), made("RUN")])).toEqual([
    "a 2020-01-01",
    "-ENV 2026-05-05",
    "RUN 2026-05-05",
    "-CMD 2026-05-05",
    "= 2026-05-05",
  ]);
});

test("without new layers all have the time of the base; without any none", () => {
  expect(shape([base("a"), empty("ENV")], [below()])).toEqual(["a 2020-01-01", "-ENV 2020-01-01", "= 2020-01-01"]);
  expect(shape([empty("ENV")], [])).toEqual(["-ENV never", "= never"]);
});

test("with an epoch all of ours have that one, and the base keeps its own", () => {
  const items = [base("a", { created: "2030-01-01T00:00:00Z" }), empty("ENV"), layer("RUN")];
  expect(shape(items, [below(), made("RUN")], 86_400)).toEqual([
    "a 2030-01-01",
    "-ENV 1970-01-02",
    "RUN 1970-01-02",
    "= 1970-01-02",
  ]);
});

test("a base without history gets entries for its layers behind all others, as BuildKit has it", () => {
  const items = [empty("ENV"), layer("RUN"), layer("COPY")];
  expect(shape(items, [below(), below(1), made("RUN"), made("COPY")])).toEqual([
    "-ENV 2026-05-05",
    "RUN 2026-05-05",
    "COPY 2026-05-05",
    "[1/1] RUN 2026-05-05",
    "[1/1] COPY 2026-05-05",
    "= 2026-05-05",
  ]);
  expect(shape([], [below()])).toEqual(["pulled from docker.io/library/debian:12 never", "= never"]);
});

test("a base that tells of more layers than it has: those behind the last one made none", () => {
  const items = [base("a"), base("b"), base("c"), layer("RUN")];
  expect(shape(items, [below(), made("RUN")])).toEqual([
    "a 2020-01-01",
    "b 2020-01-01",
    "-c 2020-01-01",
    "-RUN 2020-01-01",
    "= 2020-01-01",
  ]);
});
