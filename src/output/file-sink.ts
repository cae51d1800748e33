import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { makeDirectories } from "../sys/make-directories.ts";
import { openStdout } from "./stdout-sink.ts";

/** Where the bytes of an output go. */
export interface Sink {
  write(chunk: Uint8Array): Promise<void> | void;
  /** Makes the file appear under its name, whole. */
  commit(): Promise<void> | void;
  /** Leaves nothing behind. */
  abort(): void;
}

/** A file that appears whole or not at all; `-` is standard output. Errors: `OUTPUT_UNWRITABLE`, `OUTPUT_FULL`, `OUTPUT_CLOSED`. */
export function openSink(destination: string, signal: AbortSignal): Sink {
  return destination === "-" ? openStdout(process.stdout, signal) : fileSink(destination);
}

function fileSink(destination: string): Sink {
  const found = guard(destination, () => statSync(destination, { throwIfNoEntry: false }));
  // A device or a pipe is written to and never replaced, by root least of all.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) return deviceSink(destination);
  if (found?.isDirectory() === true) {
    throw new AppError("OUTPUT_UNWRITABLE", `${destination} is a directory, expected a file or nothing`, {
      hint: "name a file in it",
    });
  }
  // What a link leads to is replaced, not the link.
  const path = found === undefined ? destination : realpathSync(destination);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const { fd, publish } = guard(path, () => {
    makeDirectories(dirname(path));
    return openUnnamed(path, temporary) ?? openNamed(path, temporary);
  });
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    write: (chunk) => guard(path, () => writeAll(fd, chunk)),
    commit: () =>
      guard(path, () => {
        fsyncSync(fd);
        publish();
        close();
      }),
    abort: () => {
      close();
      rmSync(temporary, { force: true });
    },
  };
}

interface OpenFile {
  readonly fd: number;
  /** Gives the file its name. */
  publish(): void;
}

/** `O_TMPFILE` without the `O_DIRECTORY` that is part of it; the same on every architecture that Node runs on. */
const TMPFILE_BIT = 0o20000000;

/**
 * A file without a name, of which nothing is left when we are killed. Undefined where the file system
 * has none or the system call that names it is not to be had.
 */
function openUnnamed(path: string, temporary: string): OpenFile | undefined {
  try {
    const { linkFollowing } = loadSyscalls();
    const fd = openSync(dirname(path), constants.O_WRONLY | constants.O_DIRECTORY | TMPFILE_BIT, 0o644);
    return {
      fd,
      publish: () => {
        // A link replaces nothing, so there is a name for the moment of the rename.
        rmSync(temporary, { force: true });
        linkFollowing(fromUtf8(`/proc/self/fd/${fd}`), fromUtf8(temporary));
        renameSync(temporary, path);
      },
    };
  } catch {
    // Whatever it was, a file with a name will say it better.
    return undefined;
  }
}

function openNamed(path: string, temporary: string): OpenFile {
  removeStale(path);
  return { fd: openSync(temporary, "w", 0o644), publish: () => renameSync(temporary, path) };
}

/** What processes left that were killed. */
function removeStale(path: string): void {
  const start = `.${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(start) ? /^(\d+)\.tmp$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(path), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

function deviceSink(path: string): Sink {
  const fd = guard(path, () => openSync(path, "w"));
  return {
    write: (chunk) => guard(path, () => writeAll(fd, chunk)),
    commit: () => guard(path, () => closeSync(fd)),
    abort: () => closeSync(fd),
  };
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
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
