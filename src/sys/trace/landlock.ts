import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { fsPath } from "../bytes-path.ts";
import type { BytesPath } from "../bytes-path.ts";
import { putLong } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";
import { O_PATH } from "../syscalls.ts";

/** A file, or a directory with all that is in it. */
export interface Reach {
  readonly path: BytesPath;
  readonly readOnly: boolean;
}

const EXECUTE = 1;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const TRUNCATE = 1 << 14;
const IOCTL_DEV = 1 << 15;
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
const OF_READERS = EXECUTE | READ_FILE | READ_DIR | IOCTL_DEV;
/** Abstract sockets and signals reach no further than the programs themselves. */
const SCOPES = 3;

const VERSION_FLAG = 1;
const RULE_PATH_BENEATH = 1;

/**
 * Has the kernel keep the calling thread, and all that it starts, from every file but those in `reach`: what
 * is open already stays so. no_new_privs must be set. False where the kernel has no Landlock, or only its
 * first version, which allows no file to be moved between directories. What of `reach` cannot be opened is
 * not reached.
 */
export function restrictFiles(kernel: Kernel, reach: readonly Reach[]): boolean {
  const { calls } = kernel.machine;
  const version = kernel.call(calls.landlock_create_ruleset, 0, 0, VERSION_FLAG);
  if (version < 2) return false;
  const handled = rightsOf(version);
  const { memory, address } = kernel;
  // struct landlock_ruleset_attr, of which later versions have more.
  putLong(memory, 0, handled);
  putLong(memory, 8, 0);
  putLong(memory, 16, version >= 6 ? SCOPES : 0);
  const ruleset = kernel.call(calls.landlock_create_ruleset, address, version >= 6 ? 24 : version >= 4 ? 16 : 8, 0);
  if (ruleset < 0) return false;
  for (const one of reach) addRule(kernel, ruleset, one, handled);
  const result = kernel.call(calls.landlock_restrict_self, ruleset, 0);
  closeSync(ruleset);
  return result === 0;
}

/** All rights over files that a version of Landlock knows. */
function rightsOf(version: number): number {
  const first = 0x1fff;
  const refer = 1 << 13;
  return first | refer | (version >= 3 ? TRUNCATE : 0) | (version >= 5 ? IOCTL_DEV : 0);
}

function addRule(kernel: Kernel, ruleset: number, { path, readOnly }: Reach, handled: number): void {
  let fd: number;
  try {
    fd = openSync(fsPath(path), O_PATH | constants.O_RDONLY);
  } catch {
    return;
  }
  try {
    const kinds = fstatSync(fd).isDirectory() ? handled : OF_FILES;
    // struct landlock_path_beneath_attr, packed
    putLong(kernel.memory, 0, handled & kinds & (readOnly ? OF_READERS : handled));
    kernel.memory.writeInt32LE(fd, 8);
    kernel.call(kernel.machine.calls.landlock_add_rule, ruleset, RULE_PATH_BENEATH, kernel.address);
  } finally {
    closeSync(fd);
  }
}
