import { formatAmount, formatDuration, formatPlatforms } from "./phrases.ts";
import type { Style } from "./style.ts";
import { formatSteps } from "./tty-state.ts";
import type { RunningStep, RunningTransfer, View } from "./tty-state.ts";
import { displayWidth, truncate } from "./width.ts";

/** The window takes at most this many lines, and half of the screen. */
const WINDOW_LINES = 18;
/** Of a step's output. */
const TAIL_LINES = 4;

/**
 * The lines of the window for a terminal of `columns` and `rows`: a head, then each step in work with
 * the last lines of its output, then transfers. None is wider than the terminal, and there are never
 * more than fit, whatever runs.
 */
export function render(view: View, columns: number, rows: number, style: Style): string[] {
  const width = Math.max(1, columns - 1);
  const budget = Math.max(1, Math.min(WINDOW_LINES, Math.floor(rows / 2)));
  const room = budget - 1;
  const { shown, hidden } = fit([...view.steps, ...view.transfers], room);
  const steps = shown.filter((item) => "tail" in item);
  const spare = room - shown.length - (hidden > 0 ? 1 : 0);
  const tails = shareLines(steps, spare);
  const lines = [headLine(view, width, style)];
  for (const item of shown) {
    lines.push("tail" in item ? stepLine(item, view.now, width, style) : transferLine(item, view.now, width, style));
    if ("tail" in item) lines.push(...tailLines(item, tails.get(item) ?? 0, width, style));
  }
  if (hidden > 0) lines.push(truncate(style.dim(`  … and ${hidden} more`), width));
  return lines;
}

type Item = RunningStep | RunningTransfer;

function fit(items: readonly Item[], room: number): { readonly shown: readonly Item[]; readonly hidden: number } {
  if (items.length <= room) return { shown: items, hidden: 0 };
  const shown = items.slice(0, Math.max(0, room - 1));
  return { shown, hidden: room > 0 ? items.length - shown.length : 0 };
}

/** Deals the spare lines out to the steps, one each in turn, as many as each can use. */
function shareLines(steps: readonly RunningStep[], spare: number): Map<RunningStep, number> {
  const shares = new Map(steps.map((step) => [step, 0]));
  let left = spare;
  for (let round = 1; round <= TAIL_LINES; round++) {
    for (const step of steps) {
      if (left === 0 || step.tail.length < round) continue;
      shares.set(step, round);
      left--;
    }
  }
  return shares;
}

function headLine(view: View, width: number, style: Style): string {
  const what = view.dockerfile === "" ? "preparing" : `building ${view.dockerfile}`;
  const platforms = view.platforms.length === 0 ? "" : ` for ${formatPlatforms(view.platforms)}`;
  const right = `${formatSteps(view)}  ${formatDuration(view.now)}`;
  return style.bold(spread(`${what}${platforms}`, right, width));
}

function stepLine(step: RunningStep, now: number, width: number, style: Style): string {
  const left = `${style.cyan(">")} ${step.title}`;
  return spread(left, formatDuration(now - step.started), width);
}

function transferLine(transfer: RunningTransfer, now: number, width: number, style: Style): string {
  const amount = formatAmount(transfer.bytes, transfer.total);
  const right = `${amount}  ${formatDuration(now - transfer.started)}`;
  return spread(`${style.cyan(">")} ${transfer.title}`, right, width);
}

function tailLines(step: RunningStep, lines: number, width: number, style: Style): string[] {
  if (lines === 0) return [];
  return step.tail.slice(-lines).map((line) => truncate(`  ${style.dim("│")} ${expandTabs(line)}`, width));
}

/** Left and right text at the two ends; the left is cut where both do not fit. */
function spread(left: string, right: string, width: number): string {
  const room = width - displayWidth(right) - 2;
  if (room < 8) return truncate(`${left}  ${right}`, width);
  const cut = truncate(left, room);
  return `${cut}${" ".repeat(width - displayWidth(cut) - displayWidth(right))}${right}`;
}

function expandTabs(line: string): string {
  return line.replaceAll("\t", "    ");
}
