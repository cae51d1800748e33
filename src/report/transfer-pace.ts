import type { Transfer } from "../base/transfer.ts";

/** Lets through what a transfer says of its progress once in `intervalMs`, and all else that it says. */
export class TransferPace {
  readonly #intervalMs: number;
  readonly #last = new Map<string, number>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether `transfer`, at `time` in milliseconds, is to be shown. */
  isDue(transfer: Transfer, time: number): boolean {
    const key = `${transfer.direction} ${transfer.repository} ${transfer.what} ${transfer.digest}`;
    switch (transfer.state.kind) {
      case "started":
        this.#last.set(key, time);
        return true;
      case "progress":
        if (time - (this.#last.get(key) ?? time) < this.#intervalMs) return false;
        this.#last.set(key, time);
        return true;
      default:
        this.#last.delete(key);
        return true;
    }
  }
}
