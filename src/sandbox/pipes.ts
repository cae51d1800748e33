import { chmodSync, closeSync, constants, openSync, unlinkSync } from "node:fs";
import type { Socket } from "node:net";
import type { Syscalls } from "../sys/syscalls.ts";

const S_IFIFO = 0o010000;

/** A pipe that a child writes to. */
export interface OutputPipe {
  readonly reader: Socket;
  /** For the child's `stdio`. */
  readonly writeFd: number;
  /** To be called when the child has it, or the reader never ends. */
  closeWriter(): void;
}

/**
 * Makes a pipe for the output of a command, at `path` for a moment. Node's own "pipes" are sockets, which
 * /dev/stdout and /dev/stderr cannot be opened again through: `echo ... > /dev/stderr` would fail in a RUN.
 */
export function outputPipe(path: string, syscalls: Syscalls): OutputPipe {
  // Any user of the container may open it again; there is no other way to it, once it has no name.
  syscalls.mknod(path, S_IFIFO | 0o600);
  chmodSync(path, 0o622);
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  const { Socket } = process.getBuiltinModule("node:net");
  const reader = new Socket({ fd: readFd, readable: true, writable: false });
  return { reader, writeFd, closeWriter: () => closeSync(writeFd) };
}
