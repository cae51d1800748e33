import type { BuildEvent } from "../engine/events.ts";
import type { Progress } from "./progress.ts";
import { render } from "./render.ts";
import type { Style } from "./style.ts";
import { TtyState } from "./tty-state.ts";
import { Window } from "./window.ts";
import type { Size } from "./window.ts";

export interface Terminal {
  readonly write: (text: string) => void;
  /** Asked before each drawing, so that a resize needs no signal. */
  readonly size: () => Size;
  readonly style: Style;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** Between two drawings. */
const FRAME_MS = 100;

/** Shows a build in a window at the bottom of a terminal; what is over scrolls up and stays. */
export function openTty(terminal: Terminal): Progress {
  const progress = new TtyProgress(terminal);
  return { emit: (event) => progress.take(event), close: () => progress.close() };
}

class TtyProgress {
  readonly #terminal: Terminal;
  readonly #state: TtyState;
  readonly #window: Window;
  readonly #timer: NodeJS.Timeout;
  #scrolled: string[] = [];
  /** The terminal's clock when the build's began. */
  #began: number | undefined;
  #isOpen = true;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#state = new TtyState(terminal.style);
    this.#window = new Window(terminal.write);
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    this.#timer.unref();
  }

  take(event: BuildEvent): void {
    if (!this.#isOpen) return;
    const isFirst = this.#began === undefined;
    this.#began ??= this.#terminal.now() - event.time;
    this.#scrolled.push(...this.#state.take(event));
    if (isFirst) this.#draw();
    if (event.kind === "build.done" || event.kind === "build.failed") this.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#timer);
    this.#window.update(this.#scrolled, [], this.#terminal.size());
  }

  #draw(): void {
    const { columns, rows } = this.#terminal.size();
    const view = this.#state.view(this.#terminal.now() - (this.#began ?? this.#terminal.now()));
    const lines = this.#began === undefined ? [] : render(view, columns, rows, this.#terminal.style);
    this.#window.update(this.#scrolled, lines, { columns, rows });
    this.#scrolled = [];
  }
}
