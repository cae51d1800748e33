import { closeSync, fstatSync, futimesSync, openSync, unlinkSync } from "node:fs";

/** More than a tick of any kernel's timer; file systems that only know seconds are not waited for. */
const PATIENCE = 40;
/** What clocks may differ by that nobody has set: ticks, and slewing of at most 500 ppm. */
const SLACK = 50_000_000n;
const SLEW = 1000n;
const MILLISECOND = 1_000_000;

/** A moment, by the clock of a file system and by one that nobody sets. */
export interface Moment {
  /** Nanoseconds: changes from now on have this time or a later one. */
  readonly time: bigint;
  readonly monotonic: number;
}

/** Waits until the clock of the file system of `directory` has gone past `latest`, if that does not take long. */
export function momentAfter(latest: bigint, directory: string): Moment {
  const path = `${directory}/clock`;
  const fd = openSync(path, "w", 0o600);
  try {
    for (let tries = 0; ; tries++) {
      futimesSync(fd, 0, 0);
      const time = fstatSync(fd, { bigint: true }).ctimeNs;
      if (time > latest || tries === PATIENCE) return { time, monotonic: performance.now() };
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  } finally {
    closeSync(fd);
    unlinkSync(path);
  }
}

/**
 * The earliest time that a change since `before` may have got: its own, unless the clock was set back
 * between then and `now`.
 */
export function earliestChange(before: Moment, now: Moment): bigint {
  const passed = BigInt(Math.round((now.monotonic - before.monotonic) * MILLISECOND));
  const slack = SLACK + passed / SLEW;
  const unset = now.time - passed + slack >= before.time;
  return unset ? before.time : now.time - passed - slack;
}
