import { readFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";

/** How many processes the kernel has killed for want of memory since it started; 0 where it does not tell. */
export function oomKills(path = "/proc/vmstat"): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, "latin1"))?.[1] ?? 0);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}
