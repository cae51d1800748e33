import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ElfArchitecture } from "./architectures.ts";
import { elfStart } from "./registration.ts";
import type { Pattern } from "./registration.ts";

/** A handler of the machine's that takes files of some architecture. */
export interface HostHandler {
  readonly name: string;
  readonly interpreter: string;
  /** As the kernel lists them: `POCF`. */
  readonly flags: string;
}

/**
 * The enabled handler that the kernel gives programs of an architecture to, whatever its name and its
 * interpreter's are; undefined where there is none or none is to be seen: a container often has no
 * binfmt_misc mounted, and the machine's handlers work there all the same.
 */
export function hostHandler(
  architecture: ElfArchitecture,
  directory = "/proc/sys/fs/binfmt_misc",
): HostHandler | undefined {
  if (!readable(join(directory, "status")).startsWith("enabled")) return undefined;
  const starts = [elfStart(architecture), elfStart(architecture, "dyn")];
  for (const name of listed(directory)) {
    const text = readable(join(directory, name));
    const pattern = parsePattern(text);
    if (pattern === undefined || !starts.every((start) => matches(pattern, start))) continue;
    const field = (label: RegExp): string => label.exec(text)?.[1] ?? "";
    return { name, interpreter: field(/^interpreter (.+)$/m), flags: field(/^flags: (\S*)$/m) };
  }
  return undefined;
}

/** Whether the kernel would give a file that begins with `start` to the handler. */
export function matches({ offset, magic, mask }: Pattern, start: Uint8Array): boolean {
  if (offset + magic.length > start.length) return false;
  return magic.every((byte, at) => ((byte ^ (start[offset + at] ?? 0)) & (mask[at] ?? 0xff)) === 0);
}

/** Of an entry's text; undefined where it is disabled, or goes by the extension of a name. */
export function parsePattern(text: string): Pattern | undefined {
  if (!text.startsWith("enabled\n")) return undefined;
  const hex = (label: RegExp): Buffer | undefined => {
    const digits = label.exec(text)?.[1];
    return digits === undefined || digits.length % 2 !== 0 ? undefined : Buffer.from(digits, "hex");
  };
  const magic = hex(/^magic ([0-9a-f]+)$/m);
  if (magic === undefined) return undefined;
  const mask = hex(/^mask ([0-9a-f]+)$/m) ?? Buffer.alloc(magic.length, 0xff);
  return { offset: Number(/^offset (\d+)$/m.exec(text)?.[1] ?? 0), magic, mask };
}

function listed(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name !== "register" && name !== "status");
  } catch {
    return []; // Not mounted here, which is an answer and no fault.
  }
}

function readable(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
