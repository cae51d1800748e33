import type { BuildEvent } from "../engine/events.ts";

/** A reader of build events that shows them. */
export interface Progress {
  /** Never throws and never waits: what shows a build does not hold it up. */
  readonly emit: (event: BuildEvent) => void;
  /** Leaves the terminal as it found it. Safe to call twice. */
  readonly close: () => void;
}
