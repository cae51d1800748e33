import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A handler the machine's kernel runs foreign binaries with. */
export interface BinfmtHandler {
  readonly name: string;
  readonly interpreter: string;
  /** Flag F: the kernel holds the interpreter open, so it works inside a container that lacks it. */
  readonly fixed: boolean;
}

const QEMU_NAMES: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i386",
};

/** QEMU's name of an architecture as images spell it: `aarch64` for `arm64`. */
export function qemuName(architecture: string): string {
  return QEMU_NAMES[architecture] ?? architecture;
}

/** The enabled QEMU handlers of the machine, by QEMU's architecture name; empty where binfmt_misc is not mounted. */
export function hostBinfmtHandlers(directory = "/proc/sys/fs/binfmt_misc"): ReadonlyMap<string, BinfmtHandler> {
  const handlers = new Map<string, BinfmtHandler>();
  for (const name of listed(directory)) {
    const text = readable(join(directory, name));
    const interpreter = /^interpreter (.+)$/m.exec(text)?.[1];
    if (!text.startsWith("enabled") || interpreter === undefined) continue;
    const architecture = /qemu-([a-z0-9_]+?)(?:-static)?$/.exec(interpreter)?.[1];
    if (architecture === undefined) continue;
    handlers.set(architecture, { name, interpreter, fixed: /^flags: .*F/m.test(text) });
  }
  return handlers;
}

function listed(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name !== "register" && name !== "status");
  } catch {
    return []; // Not mounted here: no handlers, which is an answer and not a fault.
  }
}

function readable(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
