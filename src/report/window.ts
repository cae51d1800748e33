import { displayWidth, truncate } from "./width.ts";

/** Of the terminal now. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal shows all of an update at once (and ignores this where it does not know it). */
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/**
 * Lines at the bottom of a terminal that are redrawn in place, below those that scroll up.
 *
 * Between updates the cursor stands at the start of the line below the window, is visible, and no mode
 * is set: whoever kills the process, at any moment, leaves a terminal that works.
 */
export class Window {
  readonly #write: (text: string) => void;
  #lines: readonly string[] = [];
  #columns = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Writes `scrolled` above the window and makes the window show `lines`, none wider than the terminal. */
  update(scrolled: readonly string[], lines: readonly string[], size: Size): void {
    const isResized = size.columns !== this.#columns && this.#columns > 0;
    const text =
      scrolled.length === 0 && !isResized && lines.length === this.#lines.length
        ? this.#changes(lines)
        : this.#all(scrolled, lines, size);
    this.#lines = lines;
    this.#columns = size.columns;
    if (text !== "") this.#write(BEGIN + text + END);
  }

  /** Only the lines that differ. */
  #changes(lines: readonly string[]): string {
    const first = lines.findIndex((line, index) => line !== this.#lines[index]);
    if (first < 0) return "";
    const rest = lines
      .slice(first)
      .map((line, index) => (line === this.#lines[first + index] ? "" : line + CLEAR_LINE));
    return `${up(lines.length - first)}\r${rest.map((line) => `${line}\r\n`).join("")}`;
  }

  #all(scrolled: readonly string[], lines: readonly string[], { columns }: Size): string {
    const above = scrolled.map((line) => `${line}${CLEAR_LINE}\r\n`);
    const below = lines.map((line) => `${truncate(line, columns)}${CLEAR_LINE}\r\n`);
    return `${up(this.#height(columns))}\r${[...above, ...below].join("")}${CLEAR_BELOW}`;
  }

  /** Rows the window takes on the screen: a terminal made narrower has broken its lines. */
  #height(columns: number): number {
    if (columns >= this.#columns) return this.#lines.length;
    return this.#lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
  }
}

function up(rows: number): string {
  return rows === 0 ? "" : `\x1b[${rows}A`;
}
