import { closeSync, openSync, readSync } from "node:fs";
import { errnoOf } from "../../base/errors.ts";
import { fsPath } from "../../sys/bytes-path.ts";
import type { BytesPath } from "../../sys/bytes-path.ts";
import { ERRNO } from "../fake-root/places.ts";

/** What a file is to execve(2). */
export type ProgramFile =
  | { readonly kind: "script"; readonly interpreter: string; readonly argument: readonly string[] }
  | { readonly kind: "static" }
  | { readonly kind: "dynamic"; readonly loader: string }
  | { readonly kind: "foreign"; readonly machine: number }
  | { readonly kind: "unknown" };

const HEAD_BYTES = 4096;
/** The kernel looks no further for the end of a `#!` line. */
const SCRIPT_BYTES = 256;
const PT_INTERP = 3;
const CLASS_64 = 2;
const BIG_ENDIAN = 2;

/** Reads what decides how a file is started where programs are `machine`'s (`e_machine`); an errno where it cannot be read. */
export function readProgram(path: BytesPath, machine: number): ProgramFile | number {
  const head = Buffer.alloc(HEAD_BYTES);
  let fd: number;
  try {
    fd = openSync(fsPath(path), "r");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return (error as NodeJS.ErrnoException).errno ?? -ERRNO.EACCES;
  }
  try {
    const bytes = head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
    return classify(bytes, machine, (offset, length) => {
      const part = Buffer.alloc(length);
      return part.subarray(0, readSync(fd, part, 0, length, offset));
    });
  } finally {
    closeSync(fd);
  }
}

type ReadAt = (offset: number, length: number) => Buffer;

export function classify(head: Buffer, own: number, readAt: ReadAt): ProgramFile {
  if (head.toString("latin1", 0, 2) === "#!") return script(head);
  if (head.toString("latin1", 0, 4) !== "\x7fELF" || head.length < 64) return { kind: "unknown" };
  const machine = head[5] === BIG_ENDIAN ? head.readUInt16BE(18) : head.readUInt16LE(18);
  if (machine !== own || head[4] !== CLASS_64) return { kind: "foreign", machine };
  return interpreted(head, readAt);
}

function script(head: Buffer): ProgramFile {
  const line = (/^[^\n\0]*/.exec(head.toString("latin1", 2, SCRIPT_BYTES))?.[0] ?? "").replace(/^[ \t]+|[ \t]+$/g, "");
  const [, interpreter, argument] = /^([^ \t]+)(?:[ \t]+(.*))?$/.exec(line) ?? [];
  if (interpreter === undefined) return { kind: "unknown" };
  return { kind: "script", interpreter, argument: argument === undefined ? [] : [argument] };
}

function interpreted(head: Buffer, readAt: ReadAt): ProgramFile {
  const [tableAt, entryBytes, entries] = [
    Number(head.readBigUInt64LE(32)),
    head.readUInt16LE(54),
    head.readUInt16LE(56),
  ];
  const bytes = entryBytes * entries;
  const table = tableAt + bytes <= head.length ? head.subarray(tableAt, tableAt + bytes) : readAt(tableAt, bytes);
  for (let at = 0; at + 56 <= table.length; at += entryBytes) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const [offset, size] = [Number(table.readBigUInt64LE(at + 8)), Number(table.readBigUInt64LE(at + 32))];
    if (size < 2 || size > HEAD_BYTES) return { kind: "unknown" };
    const text = offset + size <= head.length ? head.subarray(offset, offset + size) : readAt(offset, size);
    return { kind: "dynamic", loader: text.toString("latin1", 0, text.length).replace(/\0.*$/s, "") };
  }
  return { kind: "static" };
}
