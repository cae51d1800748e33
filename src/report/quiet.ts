import type { BuildEvent, StepFailed, StepOutput } from "../engine/events.ts";
import type { StepId } from "../engine/types.ts";
import { OutputLines } from "./output-lines.ts";
import { formatStep } from "./phrases.ts";
import type { Progress } from "./progress.ts";

/** Of a command that failed. */
const LINES = 20;

/** Says nothing, but for the last lines of a step that failed: without them nobody knows why. */
export function openQuiet(write: (text: string) => void): Progress {
  const tails = new Map<StepId, Tail>();
  const emit = (event: BuildEvent): void => {
    switch (event.kind) {
      case "step.output":
        return keep(tails, event);
      case "step.failed":
        write(tailText(event, tails.get(event.step)));
        tails.delete(event.step);
        return;
      case "step.done":
      case "step.canceled":
        tails.delete(event.step);
        return;
      default:
        return;
    }
  };
  return { emit, close: () => {} };
}

interface Tail {
  lines: string[];
  readonly streams: { readonly stdout: OutputLines; readonly stderr: OutputLines };
}

function keep(tails: Map<StepId, Tail>, { step, stream, data }: StepOutput): void {
  const tail = tails.get(step) ?? {
    lines: [],
    streams: { stdout: new OutputLines("drop"), stderr: new OutputLines("drop") },
  };
  tails.set(step, tail);
  tail.lines = [...tail.lines, ...tail.streams[stream].push(data)].slice(-LINES);
}

function tailText(event: StepFailed, tail: Tail | undefined): string {
  if (tail === undefined) return "";
  const { stdout, stderr } = tail.streams;
  const lines = [...tail.lines, ...stdout.end(), ...stderr.end()].slice(-LINES);
  return lines.length === 0 ? "" : `${[formatStep(event), ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}
