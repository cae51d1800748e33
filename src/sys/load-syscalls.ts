import { createRequire } from "node:module";
import { AppError } from "../base/errors.ts";
import { makeSyscalls } from "./libc-syscalls.ts";
import type { Libc } from "./libc-syscalls.ts";
import { makeProcessCalls } from "./libc-process-calls.ts";
import type { ProcessCalls } from "./process-calls.ts";
import type { Syscalls } from "./syscalls.ts";

type Koffi = typeof import("koffi");

let loaded: Syscalls | undefined;
let loadedProcess: ProcessCalls | undefined;

/**
 * The system calls, through koffi and the C library that Node itself runs on (glibc or musl). koffi
 * is an optional dependency and takes 9 ms to load, which happens at the first call.
 * Throws `SYSCALLS_UNAVAILABLE` where it is not installed or does not fit the machine.
 */
export function loadSyscalls(): Syscalls {
  return (loaded ??= makeSyscalls(bindLibc(requireKoffi())));
}

/** As {@link loadSyscalls}, what a process does to itself. */
export function loadProcessCalls(): ProcessCalls {
  return (loadedProcess ??= makeProcessCalls(bindLibc(requireKoffi()), process.arch));
}

/** Throws `SYSCALLS_UNAVAILABLE` where it cannot be loaded. */
export function requireKoffi(): Koffi {
  try {
    // Synchronous and by its CommonJS form: hot paths need no promise, and the ESM one is slower to load.
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new AppError(
      "SYSCALLS_UNAVAILABLE",
      "the package koffi, which makes system calls that Node lacks, cannot be loaded",
      {
        hint: "Run npm install without --omit=optional.",
        cause,
      },
    );
  }
}

function bindLibc(koffi: Koffi): Libc {
  const errors = Object.entries(koffi.os.errno);
  // The process itself: its C library is loaded already, whichever it is and wherever it lies.
  const libc = koffi.load(null);
  const names = new Map<number, string>();
  // EAGAIN and EWOULDBLOCK are one number; Node says EAGAIN.
  for (const [name, number] of errors)
    if (!names.has(number) || name === "EAGAIN" || name === "ENOTSUP") names.set(number, name);
  return {
    errno: () => koffi.errno(),
    errnoName: (number) => names.get(number) ?? `E${number}`,
    addressOf: (array) => BigInt(koffi.address(array)),
    bind: (name, result, parameters) => libc.func(name, result, [...parameters]),
  };
}
