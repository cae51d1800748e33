import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../base/errors.ts";

/**
 * Makes a directory and those above it that are missing. One by one: in /proc, where nothing can be
 * made, Node's own recursive mkdir tries for ever. Each that was made is added to `made`, the highest first.
 */
export function makeDirectories(path: string, mode = 0o777, made: string[] = []): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent, mode, made);
  try {
    mkdirSync(path, { mode });
    made.push(path);
  } catch (error) {
    // Another process may have been first.
    if (errnoOf(error) !== "EEXIST" || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}
