import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import type { Content } from "../layer/entry.ts";
import { toUtf8 } from "../layer/entry.ts";
import { fileContent } from "../layer/file-content.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";

/**
 * The bytes of a regular file, never those of a link, a fifo or a device. Opened at the first read.
 * Throws `FILE_CHANGED` when the file is not the same before and after: content is never mixed.
 */
export function diskContent(path: BytesPath): Content {
  return new DiskContent(path);
}

/** `FILE_UNREADABLE`: `path` could not be opened for the reason `cause` tells. */
export function unreadable(path: BytesPath, cause: unknown): AppError {
  if (errnoOf(cause) === "ENAMETOOLONG") return tooDeep(path, cause);
  const reason = {
    EACCES: "permission denied",
    ENOENT: "it is not there",
    ELOOP: "it is a symbolic link",
  }[errnoOf(cause) ?? "ENOENT"];
  return new AppError("FILE_UNREADABLE", `cannot read ${show(path)}: ${reason ?? messageOf(cause)}`, {
    hint: "Make it readable, or name it in .dockerignore if the build does not need it.",
    cause,
  });
}

function tooDeep(path: BytesPath, cause: unknown): AppError {
  const found = `a file is too deep to be read: expected a path of at most 4095 bytes, found ${path.length}`;
  return new AppError("FILE_UNREADABLE", `${found}: ${show(`${path.slice(0, SHOWN)}...`)}`, {
    hint: "Remove it in the RUN that makes it, or give its directories shorter names.",
    cause,
  });
}

const SHOWN = 160;

class DiskContent implements Content {
  readonly #path: BytesPath;
  #open: { readonly fd: number; readonly before: BigIntStats; readonly content: Content } | undefined;
  #ended = false;

  constructor(path: BytesPath) {
    this.#path = path;
  }

  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    this.#open ??= openFile(this.#path);
    if (this.#open === undefined) return undefined;
    const bytes = this.#open.content.next();
    if (bytes !== undefined) return bytes;
    const { fd, before } = this.#open;
    if (!isUnchanged(before, fstatSync(fd, { bigint: true }))) throw changed(this.#path);
    this.close();
    return undefined;
  }

  close(): void {
    this.#ended = true;
    if (this.#open === undefined) return;
    this.#open.content.close();
    closeSync(this.#open.fd);
    this.#open = undefined;
  }
}

/** Undefined for a socket, which has no bytes. */
function openFile(path: BytesPath): { fd: number; before: BigIntStats; content: Content } | undefined {
  let fd: number;
  try {
    // O_NONBLOCK: a fifo that took the file's place answers instead of waiting for a writer.
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENXIO") return undefined;
    throw unreadable(path, error);
  }
  const before = fstatSync(fd, { bigint: true });
  if (before.isFile()) return { fd, before, content: fileContent(fd, Number(before.size)) };
  closeSync(fd);
  throw changed(path);
}

function isUnchanged(before: BigIntStats, after: BigIntStats): boolean {
  return after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs && after.size === before.size;
}

/** `FILE_CHANGED`. */
export function changed(path: BytesPath): AppError {
  return new AppError("FILE_CHANGED", `${show(path)} changed while it was read`, {
    hint: "Build again when nothing writes to it.",
    retryable: true,
  });
}

function show(path: BytesPath): string {
  return JSON.stringify(toUtf8(path).replaceAll("/./", "/"));
}
