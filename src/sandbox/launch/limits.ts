import { LIMIT } from "../../sys/process-calls.ts";
import type { Ulimit } from "../spec.ts";
import type { LaunchJob } from "./job.ts";

/** RLIM_INFINITY. */
const UNLIMITED = 2n ** 64n - 1n;

/** Limits as a launcher sets them. That of locks is how its processes are found (marks.ts), and the kernel knows none. */
export function launchLimits(ulimits: readonly Ulimit[] = []): LaunchJob["limits"] {
  return ulimits.flatMap(({ type, soft, hard }) => {
    const limit: number | undefined = LIMIT[type.toUpperCase() as keyof typeof LIMIT];
    return limit === undefined || limit === LIMIT.LOCKS ? [] : [{ limit, soft: valueOf(soft), hard: valueOf(hard) }];
  });
}

function valueOf(value: number): string {
  return String(value === -1 ? UNLIMITED : value);
}
