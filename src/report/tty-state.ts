import { assertNever } from "../base/errors.ts";
import type { Transfer } from "../base/transfer.ts";
import type { BuildEvent, BuildPlanned, LayerStarted, StepName, StepStarted } from "../engine/events.ts";
import type { StepId } from "../engine/types.ts";
import { cleanLine } from "./clean.ts";
import { noteLines } from "./note.ts";
import { OutputLines } from "./output-lines.ts";
import { count, formatDuration, formatStep, formatTransferred } from "./phrases.ts";
import { planLines } from "./plan-lines.ts";
import type { Style } from "./style.ts";
import { summarize } from "./summary.ts";

/** What the window at the bottom shows: data alone, see render.ts. */
export interface View {
  readonly platforms: readonly string[];
  readonly dockerfile: string;
  /** Milliseconds since the build began. */
  readonly now: number;
  readonly stepsEnded: number;
  readonly stepsTotal: number;
  readonly steps: readonly RunningStep[];
  readonly transfers: readonly RunningTransfer[];
}

export interface RunningStep {
  readonly title: string;
  readonly started: number;
  /** The last lines of its output, oldest first. */
  readonly tail: readonly string[];
}

export interface RunningTransfer {
  /** `push layer 5be94654c512 localhost:5000/demo/web`. */
  readonly title: string;
  readonly started: number;
  readonly bytes: number;
  readonly total: number | undefined;
}

/** Lines of a step's output that are kept: shown above when it fails. */
const TAIL_LINES = 30;

interface StepInWork extends RunningStep {
  readonly reason: string;
  readonly tail: string[];
  readonly stdout: OutputLines;
  readonly stderr: OutputLines;
}

/** Follows a build; answers each event with the lines that are final and scroll up. */
export class TtyState {
  readonly #style: Style;
  readonly #steps = new Map<StepId, StepInWork>();
  readonly #layers = new Map<StepId, RunningStep>();
  readonly #transfers = new Map<string, RunningTransfer>();
  #platforms: readonly string[] = [];
  #dockerfile = "";
  #total = 0;
  #ended = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  view(now: number): View {
    return {
      platforms: this.#platforms,
      dockerfile: this.#dockerfile,
      now,
      stepsEnded: this.#ended,
      stepsTotal: this.#total,
      steps: [...[...this.#steps.values()].map(withPartialLines), ...this.#layers.values()],
      transfers: [...this.#transfers.values()],
    };
  }

  take(event: BuildEvent): string[] {
    switch (event.kind) {
      case "build.started":
        this.#platforms = event.platforms;
        this.#dockerfile = cleanLine(event.dockerfile);
        return [];
      case "build.planned":
        return this.#begin(event);
      case "layer.started":
        return this.#startLayer(event, event.time);
      case "layer.done":
        this.#layers.delete(event.step);
        return [];
      case "step.started":
        return this.#startStep(event, event.time);
      case "step.cached":
        this.#ended++;
        return [this.#style.dim(`= ${formatStep(event)}  cached${inParentheses(event.reason)}`)];
      case "step.output":
        return this.#output(event.step, event.stream, event.data);
      case "step.done":
        return this.#doneStep(event, event.milliseconds);
      case "step.failed":
        return this.#failedStep(event, event.milliseconds);
      case "step.canceled":
        this.#endStep(event.step);
        return [this.#style.dim(`- ${formatStep(event)}  canceled after ${formatDuration(event.milliseconds)}`)];
      case "transfer":
        return this.#transfer(event, event.time);
      case "note":
        return noteLines(event, this.#style);
      case "build.done":
        return this.#end(["", ...emphasizeFirst(summarize(event), this.#style)]);
      case "build.failed":
        return this.#end([this.#style.red(`failed after ${formatDuration(event.milliseconds)}`)]);
      default:
        return assertNever(event);
    }
  }

  /** Of a build that begins again, too: what was under way is not any more. */
  #begin({ steps, stages }: BuildPlanned): string[] {
    this.#total = steps;
    this.#ended = 0;
    this.#layers.clear();
    return planLines(stages).map((line) => this.#style.dim(line));
  }

  #startLayer(event: LayerStarted, started: number): string[] {
    this.#layers.set(event.step, { title: `${event.action} layer of ${formatStep(event)}`, started, tail: [] });
    return [];
  }

  #startStep(event: StepStarted, time: number): string[] {
    const colors = this.#style.isColored ? "keep" : "drop";
    const streams = { stdout: new OutputLines(colors), stderr: new OutputLines(colors) };
    this.#steps.set(event.step, {
      title: formatStep(event),
      started: time,
      tail: [],
      reason: cleanLine(event.reason),
      ...streams,
    });
    return [];
  }

  #output(id: StepId, stream: "stdout" | "stderr", data: Uint8Array): string[] {
    const step = this.#steps.get(id);
    if (step === undefined) return [];
    step.tail.push(...step[stream].push(data).slice(-TAIL_LINES));
    step.tail.splice(0, step.tail.length - TAIL_LINES);
    return [];
  }

  #doneStep(event: StepName, milliseconds: number): string[] {
    const reason = this.#endStep(event.step)?.reason ?? "";
    const rest = this.#style.dim(`${formatDuration(milliseconds)}${reason === "" ? "" : `  ${reason}`}`);
    return [`${this.#style.green("✓")} ${formatStep(event)}  ${rest}`];
  }

  /** With what it said last: the window that showed it goes away. */
  #failedStep(event: StepName, milliseconds: number): string[] {
    const step = this.#endStep(event.step);
    const rest = step === undefined ? [] : [...step.tail, ...step.stdout.end(), ...step.stderr.end()];
    const { red, dim } = this.#style;
    const title = `${red("✗")} ${formatStep(event)}  ${red(`failed after ${formatDuration(milliseconds)}`)}`;
    return [title, ...rest.slice(-TAIL_LINES).map((line) => `${dim("│")} ${line}`)];
  }

  #endStep(id: StepId): StepInWork | undefined {
    const step = this.#steps.get(id);
    this.#steps.delete(id);
    this.#ended++;
    return step;
  }

  #transfer(transfer: Transfer, time: number): string[] {
    const repository = cleanLine(transfer.repository);
    const title = `${transfer.direction} ${formatTransferred(transfer)} ${repository}`;
    const { state, total } = transfer;
    switch (state.kind) {
      case "started":
        this.#transfers.set(title, { title, started: time, bytes: 0, total });
        return [];
      case "progress": {
        const started = this.#transfers.get(title)?.started ?? time;
        this.#transfers.set(title, { title, started, bytes: state.bytes, total });
        return [];
      }
      case "done":
      case "skipped":
        this.#transfers.delete(title);
        return [];
      default:
        return assertNever(state);
    }
  }

  #end(lines: string[]): string[] {
    this.#steps.clear();
    this.#layers.clear();
    this.#transfers.clear();
    return lines;
  }
}

/** A progress bar is a line that does not end: shown as it stands. */
function withPartialLines(step: StepInWork): RunningStep {
  const partial = [step.stdout.partial, step.stderr.partial].filter((line) => line !== "");
  return { title: step.title, started: step.started, tail: [...step.tail, ...partial] };
}

/** The number of steps that are over, of all: `4 of 16 steps`. */
export function formatSteps({ stepsEnded, stepsTotal }: View): string {
  return stepsTotal === 0 ? count(stepsEnded, "step") : `${stepsEnded} of ${count(stepsTotal, "step")}`;
}

function emphasizeFirst([first = "", ...rest]: readonly string[], style: Style): string[] {
  return [style.bold(first), ...rest];
}

function inParentheses(reason: string): string {
  const text = cleanLine(reason);
  return text === "" ? "" : ` (${text})`;
}
