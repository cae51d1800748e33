import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { once } from "node:events";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";

/** Where the bytes of an output file go. */
export interface Sink {
  write(chunk: Uint8Array): Promise<void> | void;
  /** Makes the file appear under its name, whole. */
  commit(): Promise<void> | void;
  /** Leaves nothing behind. */
  abort(): void;
}

/** A file that appears whole or not at all; `-` is standard output. Errors: `OUTPUT_UNWRITABLE`, `OUTPUT_FULL`. */
export function openSink(destination: string): Sink {
  return destination === "-" ? stdoutSink() : fileSink(destination);
}

function fileSink(destination: string): Sink {
  const found = statSync(destination, { throwIfNoEntry: false });
  // A device or a pipe is written to and never replaced, by root least of all.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) return deviceSink(destination);
  // What a link leads to is replaced, not the link.
  const path = found === undefined ? destination : realpathSync(destination);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const fd = guard(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(temporary, "w", 0o644);
  });
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    write: (chunk) =>
      guard(path, () => {
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
      }),
    commit: () =>
      guard(path, () => {
        fsyncSync(fd);
        close();
        renameSync(temporary, path);
      }),
    abort: () => {
      close();
      rmSync(temporary, { force: true });
    },
  };
}

function deviceSink(path: string): Sink {
  const fd = guard(path, () => openSync(path, "w"));
  return {
    write: (chunk) =>
      guard(path, () => {
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
      }),
    commit: () => guard(path, () => closeSync(fd)),
    abort: () => closeSync(fd),
  };
}

function stdoutSink(): Sink {
  return {
    write: async (chunk) => {
      if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
    },
    commit: () => {},
    abort: () => {},
  };
}

function guard<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const errno = errnoOf(cause);
    const full = errno === "ENOSPC" || errno === "EDQUOT";
    throw new AppError(full ? "OUTPUT_FULL" : "OUTPUT_UNWRITABLE", `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: full
        ? "free space there or choose another destination"
        : "check that the directory exists and is yours to write",
    });
  }
}
