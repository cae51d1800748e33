import type { AppError } from "../base/errors.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { renderExcerpt } from "./excerpt.ts";
import { styleOf, useColor } from "./style.ts";
import type { Style } from "./style.ts";
import { truncate } from "./width.ts";

export interface RenderOptions {
  readonly color: boolean;
  /** Width of the terminal; longer lines of the excerpt are cut. */
  readonly columns: number;
  /** With causes and stack traces. Default false. */
  readonly debug?: boolean | undefined;
}

/** Where errors and findings are shown to people. */
export interface ErrorStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** As `stream` wants it; what is no terminal gets lines of 100 columns. */
export function renderOptions(stream: ErrorStream, env: Readonly<Record<string, string | undefined>>): RenderOptions {
  return { color: useColor(stream, env), columns: stream.columns || 100 };
}

/** Lines of a message that are shown, so that an error fits on one screen. */
const MESSAGE_LINES = 12;
const HINT_LINES = 6;

/** An error for people: code and message, the lines of the Dockerfile, what to do. Ends with a newline. */
export function renderError(error: AppError, options: RenderOptions): string {
  const style = styleOf(options.color);
  const lines = [
    ...messageLines(error, style),
    ...(error.source === undefined ? [] : renderExcerpt(error.source, { ...options, paint: style.red })),
    ...hintLines(error.hint, style),
    ...(options.debug === true ? debugLines(error, style) : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** The lines of a hint, `help: ` in front of the first. */
export function hintLines(hint: string | undefined, style: Style): string[] {
  if (hint === undefined || hint.trim() === "") return [];
  const [first = "", ...rest] = shorten(cleanText(hint).trim().split("\n"), HINT_LINES);
  return [`${style.cyan("help")}: ${first}`, ...rest.map((line) => `      ${line}`)];
}

function messageLines(error: AppError, style: Style): string[] {
  const [first = "", ...rest] = shorten(cleanText(error.message).trimEnd().split("\n"), MESSAGE_LINES);
  return [`${style.bold(style.red(`error[${cleanLine(error.code)}]`))}: ${style.bold(first)}`, ...rest];
}

/** A message of thousands of characters on a line would push the rest from the screen. */
function shorten(lines: readonly string[], limit: number): string[] {
  const shown = lines.slice(0, limit).map((line) => truncate(line, 1000));
  const more = lines.length - shown.length;
  return more > 0 ? [...shown, `… (${more} more lines)`] : shown;
}

function debugLines(error: AppError, style: Style): string[] {
  const lines = stackLines(error);
  let cause: unknown = error.cause;
  for (let depth = 0; cause !== undefined && depth < 10; depth++) {
    lines.push(`${style.yellow("caused by")}: ${cleanText(describe(cause))}`, ...stackLines(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause && typeof cause.code === "string" ? `[${cause.code}]` : "";
  return `${cause.name}${code}: ${cause.message}`;
}

function stackLines(error: unknown): string[] {
  if (!(error instanceof Error) || error.stack === undefined) return [];
  const frames = error.stack.split("\n").filter((line) => /^\s+at /.test(line));
  return frames.map((frame) => cleanText(frame));
}
