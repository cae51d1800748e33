import { AppError } from "../../../base/errors.ts";
import { ARM64 } from "./arm64.ts";
import type { Machine } from "./machine.ts";
import { X86_64 } from "./x86-64.ts";

/** By Node's names. */
const MACHINES: Readonly<Record<string, Machine>> = { x64: X86_64, arm64: ARM64 };

/** Whether programs can be traced here. */
export function isMachineKnown(): boolean {
  return Object.hasOwn(MACHINES, process.arch);
}

/** What this process runs on. Throws `SYSCALLS_UNAVAILABLE` for a processor that is not known. */
export function ownMachine(): Machine {
  const machine = MACHINES[process.arch];
  if (machine !== undefined) return machine;
  throw new AppError(
    "SYSCALLS_UNAVAILABLE",
    `programs cannot be traced on ${process.arch}: expected ${Object.keys(MACHINES).join(" or ")}`,
  );
}
