import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** What a build should not have left. Every list is empty when it behaved. */
export interface Leftovers {
  /** `pid command`: processes that have to do with the directory. */
  readonly processes: readonly string[];
  /** Mount points below the directory, in this mount namespace. */
  readonly mounts: readonly string[];
  /** Paths below `temporary` directories. */
  readonly files: readonly string[];
}

/**
 * Looks for what a run left behind. A process counts when its command, environment, working directory, root,
 * open files or mounts name `directory`, which every run of a bed has to itself.
 */
export function findLeftovers(directory: string, temporary: readonly string[]): Leftovers {
  return {
    processes: processesNaming(directory),
    mounts: linesNaming(readProc("self/mountinfo"), directory),
    files: temporary.flatMap((path) => entriesBelow(path)),
  };
}

function processesNaming(directory: string): readonly string[] {
  const self = new Set([process.pid, process.ppid]);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && !self.has(Number(name)) && names(Number(name), directory))
    .map((pid) => `${pid} ${readProc(`${pid}/cmdline`).replaceAll("\0", " ").trim()}`);
}

function names(pid: number, directory: string): boolean {
  const command = readProc(`${pid}/cmdline`);
  // The bed's own registry serves from a directory of its own; its command never names this one.
  return (
    command.includes(directory) ||
    readProc(`${pid}/environ`).includes(directory) ||
    readLink(`${pid}/cwd`).startsWith(directory) ||
    readLink(`${pid}/root`).startsWith(directory) ||
    readProc(`${pid}/mountinfo`).includes(directory) ||
    openFiles(pid).some((path) => path.startsWith(directory))
  );
}

// A process may end, or belong to somebody else, between two looks at it.
function readProc(path: string): string {
  try {
    return readFileSync(join("/proc", path), "utf8");
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(join("/proc", path));
  } catch {
    return "";
  }
}

function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function linesNaming(text: string, directory: string): readonly string[] {
  return text.split("\n").filter((line) => line.includes(directory));
}

function entriesBelow(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)));
  } catch {
    return [];
  }
}
