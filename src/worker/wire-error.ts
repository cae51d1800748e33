import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { RunFailure } from "../sandbox/run-failure.ts";
import type { WireError } from "./protocol.ts";

/** Says where a disk is full: whoever wrote a file knows it by its name in the image. `root` is the store's. */
export function withDisk(error: unknown, root: string): unknown {
  if (!(error instanceof AppError) || error.code !== "DISK_FULL") return error;
  return new AppError(error.code, `${error.message} (the store is ${root})`, { hint: error.hint, cause: error.cause });
}

/** An error as it crosses the channel. What is no AppError is a fault of ours, or the system's. */
export function toWire(error: unknown): WireError {
  if (!(error instanceof AppError)) {
    const code = errnoOf(error) === "ENOSPC" ? "STORE_FULL" : "WORKER_FAILED";
    const detail =
      error instanceof Error && errnoOf(error) === undefined ? (error.stack ?? error.message) : messageOf(error);
    return { code, message: `the worker failed: ${detail}` };
  }
  const { code, message, hint, retryable } = error;
  return { code, message, hint, retryable, ...(error instanceof RunFailure && { exitCode: error.exitCode }) };
}

export function fromWire({ code, message, hint, retryable, exitCode }: WireError): AppError {
  if (exitCode !== undefined) return new RunFailure(message, exitCode, hint);
  return new AppError(code, message, { hint, retryable });
}
