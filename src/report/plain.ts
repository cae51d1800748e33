import type { AppError } from "../base/errors.ts";
import { assertNever } from "../base/errors.ts";
import { formatBytes } from "../base/bytes.ts";
import type { Transfer } from "../base/transfer.ts";
import type { BuildEvent, StepName, StepOutput } from "../engine/events.ts";
import type { StepId } from "../engine/types.ts";
import { cleanLine } from "./clean.ts";
import { noteLines } from "./note.ts";
import { OutputLines } from "./output-lines.ts";
import { formatAmount, formatDuration, formatPlatforms, formatStep, formatTransferred } from "./phrases.ts";
import type { Progress } from "./progress.ts";
import { styleOf } from "./style.ts";
import { summarize } from "./summary.ts";

/** A step that others interrupted says its name again after this many lines or milliseconds. */
const REMIND_LINES = 30;
const REMIND_MS = 10_000;
/** A transfer says how far it is this often. */
const TRANSFER_MS = 5_000;

/**
 * The log of a build for files and CI: lines that only ever follow each other, in BuildKit's form.
 * `#5 [linux/amd64 build 3/6] RUN …` names a step, and each of its lines begins with `#5`.
 */
export function openPlain(write: (text: string) => void): Progress {
  const log = new PlainLog(write);
  return { emit: (event) => log.take(event), close: () => {} };
}

interface RunningStep {
  readonly number: number;
  readonly title: string;
  readonly started: number;
  readonly streams: { readonly stdout: OutputLines; readonly stderr: OutputLines };
  /** When its title was written last. */
  saidLine: number;
  saidTime: number;
}

class PlainLog {
  readonly #write: (text: string) => void;
  readonly #running = new Map<StepId, RunningStep>();
  /** By key, when a transfer under way was last spoken of. */
  readonly #transfers = new Map<string, number>();
  #numbers = 0;
  #lines = 0;
  /** Whose line came last: a step's number, 0 for any other. */
  #last = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "build.started":
        return this.#say(`building ${cleanLine(event.dockerfile)} for ${formatPlatforms(event.platforms)}`);
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
    const title = formatStep(event);
    this.#running.set(event.step, { number, title, started: time, streams, saidLine: this.#lines, saidTime: time });
    const why = event.reason === "" ? "" : `\n#${number} RUNS${inParentheses(event.reason)}`;
    this.#say(`\n#${number} ${title}${why}`, number);
  }

  #cachedStep(event: StepName, reason: string): void {
    const number = ++this.#numbers;
    this.#say(`\n#${number} ${formatStep(event)}\n#${number} CACHED${inParentheses(reason)}`, number);
  }

  #output(event: StepOutput, time: number): void {
    const step = this.#running.get(event.step);
    if (step === undefined) return;
    this.#stepLines(step, step.streams[event.stream].push(event.data), time);
  }

  #stepLines(step: RunningStep, lines: readonly string[], time: number): void {
    if (lines.length === 0) return;
    this.#remind(step, time);
    const seconds = ((time - step.started) / 1000).toFixed(3);
    this.#say(lines.map((line) => `#${step.number} ${seconds} ${line}`.trimEnd()).join("\n"), step.number);
  }

  #remind(step: RunningStep, time: number): void {
    const isDue = this.#lines - step.saidLine > REMIND_LINES || time - step.saidTime > REMIND_MS;
    if (this.#last === step.number || !isDue) return;
    this.#say(`\n#${step.number} ${step.title}`, step.number);
    step.saidLine = this.#lines;
    step.saidTime = time;
  }

  #endStep(event: StepName & { readonly milliseconds: number }, verdict: string): void {
    const step = this.#running.get(event.step);
    if (step === undefined)
      return this.#say(`\n#${++this.#numbers} ${formatStep(event)}\n#${this.#numbers} ${verdict}`);
    const end = step.started + event.milliseconds;
    this.#stepLines(step, [...step.streams.stdout.end(), ...step.streams.stderr.end()], end);
    this.#running.delete(event.step);
    this.#say(`#${step.number} ${verdict}`, step.number);
  }

  #transfer(transfer: Transfer, time: number): void {
    const key = `${transfer.direction} ${transfer.repository} ${transfer.what} ${transfer.digest}`;
    const { state } = transfer;
    if (state.kind === "started") {
      this.#transfers.set(key, time);
      return;
    }
    if (state.kind === "progress") {
      if (time - (this.#transfers.get(key) ?? time) < TRANSFER_MS) return;
      this.#transfers.set(key, time);
    } else this.#transfers.delete(key);
    this.#say(transferLine(transfer));
  }

  #say(text: string, step = 0): void {
    const separated =
      step !== this.#last && this.#last > 0 && step === 0 && !text.startsWith("\n") ? `\n${text}` : text;
    this.#last = step;
    this.#lines += separated.split("\n").length;
    this.#write(`${separated}\n`);
  }
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
