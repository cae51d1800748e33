import type { AppError } from "../base/errors.ts";
import { assertNever } from "../base/errors.ts";
import { formatBytes } from "../base/bytes.ts";
import type { Transfer } from "../base/transfer.ts";
import type { BuildEvent, LayerDone, StepName, StepOutput } from "../engine/events.ts";
import type { StepId } from "../engine/types.ts";
import { cleanLine } from "./clean.ts";
import { noteLines } from "./note.ts";
import { OutputLines } from "./output-lines.ts";
import {
  formatAmount,
  formatDuration,
  formatPlace,
  formatPlatforms,
  formatStep,
  formatTransferred,
} from "./phrases.ts";
import { planLines } from "./plan-lines.ts";
import type { Progress } from "./progress.ts";
import { styleOf } from "./style.ts";
import { summarize } from "./summary.ts";
import { TransferPace } from "./transfer-pace.ts";

/** A transfer says how far it is this often. */
const TRANSFER_MS = 5_000;
/** Work on a layer that takes longer is spoken of. */
const LONG_MS = 1_000;

/**
 * The log of a build for files and CI: lines that only ever follow each other, in BuildKit's form, but
 * that each line of a step says its platform and step: `#5 [linux/amd64 build 3/6] 0.412 ok`.
 */
export function openPlain(write: (text: string) => void): Progress {
  const log = new PlainLog(write);
  return { emit: (event) => log.take(event), close: () => {} };
}

interface RunningStep {
  readonly number: number;
  /** What each of its lines begins with. */
  readonly prefix: string;
  readonly started: number;
  readonly streams: { readonly stdout: OutputLines; readonly stderr: OutputLines };
}

class PlainLog {
  readonly #write: (text: string) => void;
  readonly #running = new Map<StepId, RunningStep>();
  readonly #pace = new TransferPace(TRANSFER_MS);
  #numbers = 0;
  /** Whose line came last: a step's number, 0 for any other. */
  #last = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "build.started":
        return this.#say(`building ${cleanLine(event.dockerfile)} for ${formatPlatforms(event.platforms)}`);
      case "build.planned":
        for (const line of planLines(event.stages)) this.#say(line);
        return;
      case "layer.started":
        return;
      case "layer.done":
        return this.#layer(event);
      case "step.started":
        return this.#startStep(event, event.time);
      case "step.cached":
        return this.#cachedStep(event, event.reason);
      case "step.output":
        return this.#output(event, event.time);
      case "step.done":
        return this.#endStep(event, `DONE ${formatDuration(event.milliseconds)}`);
      case "step.failed":
        return this.#endStep(event, `ERROR ${formatDuration(event.milliseconds)}: ${firstLine(event.error)}`);
      case "step.canceled":
        return this.#endStep(event, `CANCELED ${formatDuration(event.milliseconds)}`);
      case "transfer":
        return this.#transfer(event, event.time);
      case "note":
        for (const line of noteLines(event, styleOf(false))) this.#say(line);
        return;
      case "build.done":
        return this.#say(["", ...summarize(event)].join("\n"));
      case "build.failed":
        return this.#say(`\nfailed after ${formatDuration(event.milliseconds)}`);
      default:
        return assertNever(event);
    }
  }

  #startStep(event: StepName & { readonly reason: string }, time: number): void {
    const number = ++this.#numbers;
    const streams = { stdout: new OutputLines("drop"), stderr: new OutputLines("drop") };
    const prefix = prefixOf(number, event);
    this.#running.set(event.step, { number, prefix, started: time, streams });
    const why = event.reason === "" ? "" : `\n${prefix}why: ${cleanLine(event.reason)}`;
    this.#say(`\n${prefix}${cleanLine(event.text)}${why}`, number);
  }

  #cachedStep(event: StepName, reason: string): void {
    const prefix = prefixOf(++this.#numbers, event);
    this.#say(`\n${prefix}${cleanLine(event.text)}\n${prefix}CACHED${inParentheses(reason)}`, this.#numbers);
  }

  #output(event: StepOutput, time: number): void {
    const step = this.#running.get(event.step);
    if (step === undefined) return;
    this.#stepLines(step, step.streams[event.stream].push(event.data), time);
  }

  #stepLines(step: RunningStep, lines: readonly string[], time: number): void {
    if (lines.length === 0) return;
    const seconds = ((time - step.started) / 1000).toFixed(3);
    this.#say(lines.map((line) => `${step.prefix}${seconds} ${line}`.trimEnd()).join("\n"), step.number);
  }

  #endStep(event: StepName & { readonly milliseconds: number }, verdict: string): void {
    const step = this.#running.get(event.step);
    if (step === undefined) {
      const prefix = prefixOf(++this.#numbers, event);
      return this.#say(`\n${prefix}${cleanLine(event.text)}\n${prefix}${verdict}`);
    }
    const end = step.started + event.milliseconds;
    this.#stepLines(step, [...step.streams.stdout.end(), ...step.streams.stderr.end()], end);
    this.#running.delete(event.step);
    this.#say(`${step.prefix}${verdict}`, step.number);
  }

  /** Said where somebody had to wait for it. */
  #layer(event: LayerDone): void {
    if (event.milliseconds < LONG_MS) return;
    const what = event.action === "pack" ? "packed" : "extracted";
    this.#say(`${formatStep(event)}: layer ${what} in ${formatDuration(event.milliseconds)}`);
  }

  #transfer(transfer: Transfer, time: number): void {
    if (this.#pace.isDue(transfer, time) && transfer.state.kind !== "started") this.#say(transferLine(transfer));
  }

  #say(text: string, step = 0): void {
    const separated =
      step !== this.#last && this.#last > 0 && step === 0 && !text.startsWith("\n") ? `\n${text}` : text;
    this.#last = step;
    this.#write(`${separated}\n`);
  }
}

/** `#5 [linux/amd64 build 3/6] `. */
function prefixOf(number: number, name: StepName): string {
  return `#${number} ${formatPlace(name)}`;
}

/** `push localhost:5000/demo/web layer 5be94654c512: done, 4.5 MB in 0.3s`. */
function transferLine(transfer: Transfer): string {
  const { state } = transfer;
  const head = `${transfer.direction} ${cleanLine(transfer.repository)} ${formatTransferred(transfer)}`;
  switch (state.kind) {
    case "started":
      return head;
    case "progress":
      return `${head}: ${formatAmount(state.bytes, transfer.total)}`;
    case "done": {
      const size = transfer.total === undefined ? "" : `${formatBytes(transfer.total)} in `;
      return `${head}: done, ${size}${formatDuration(state.milliseconds)}`;
    }
    case "skipped":
      return `${head}: ${SKIPPED[state.reason]}`;
    default:
      return assertNever(state);
  }
}

const SKIPPED = {
  exists: "already there",
  mounted: "mounted from another repository",
  present: "already here",
} as const;

function inParentheses(reason: string): string {
  const text = cleanLine(reason);
  return text === "" ? "" : ` (${text})`;
}

function firstLine(error: AppError): string {
  return cleanLine(error.message.split("\n", 1)[0] ?? "");
}
