import { formatBytes } from "../base/bytes.ts";
import type { BuildDone } from "../engine/events.ts";
import { cleanLine } from "./clean.ts";
import { count, formatDuration } from "./phrases.ts";

/**
 * The closing words of a build that went well: what ran, what did not have to, what was sent, how long
 * it took, and what was made, a line each.
 */
export function summarize(done: BuildDone): string[] {
  const sentence = [steps(done), uploads(done), downloads(done), formatDuration(done.milliseconds)];
  const made = done.outputs.map((output) => `=> ${cleanLine(output)}`);
  const digest = done.digest === undefined ? [] : [`   ${cleanLine(done.digest)}`];
  return [sentence.filter((part) => part !== "").join("; "), ...made, ...digest];
}

function steps({ stepsRun, stepsCached }: BuildDone): string {
  if (stepsRun === 0) return stepsCached === 0 ? "nothing to run" : `no step ran, ${stepsCached} cached`;
  return `${count(stepsRun, "step")} ran, ${stepsCached} cached`;
}

function uploads({ layersPushed, layersSkipped, bytesPushed }: BuildDone): string {
  if (layersPushed === 0 && layersSkipped === 0) return "";
  const there = layersSkipped === 0 ? "" : `, ${layersSkipped} already there`;
  if (layersPushed === 0) return `no layer uploaded${there}`;
  return `${count(layersPushed, "layer")} uploaded (${formatBytes(bytesPushed)})${there}`;
}

function downloads({ bytesPulled }: BuildDone): string {
  return bytesPulled === 0 ? "" : `${formatBytes(bytesPulled)} pulled`;
}
