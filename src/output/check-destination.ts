import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, messageOf } from "../base/errors.ts";

/**
 * Throws `OUTPUT_UNWRITABLE` where a file cannot be made: before the work that it would be the result of.
 * As with docker buildx the directory that it goes to must be there.
 */
export function checkFile(path: string): void {
  if (path === "-") return;
  const found = ask(path, () => statSync(path, { throwIfNoEntry: false }));
  // A device or a pipe is written to as it is.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) return;
  if (found?.isDirectory() === true)
    throw refused(`${path} is a directory, expected a file or nothing`, "name a file in it");
  const directory = dirname(found === undefined ? path : realpathSync(path));
  const parent = ask(path, () => statSync(directory, { throwIfNoEntry: false }));
  if (parent === undefined)
    throw refused(`${path} cannot be written: there is no directory ${directory}`, `make it: mkdir -p ${directory}`);
  ask(path, () => accessSync(directory, constants.W_OK | constants.X_OK));
}

/** The same for a directory, which is made with those above it. */
export function checkDirectory(path: string): void {
  let nearest = path;
  let found = ask(path, () => statSync(nearest, { throwIfNoEntry: false }));
  while (found === undefined && dirname(nearest) !== nearest) {
    nearest = dirname(nearest);
    found = ask(path, () => statSync(nearest, { throwIfNoEntry: false }));
  }
  if (found?.isDirectory() === false)
    throw refused(`${path} cannot be written: ${nearest} is no directory`, "choose another destination");
  ask(path, () => accessSync(nearest, constants.W_OK | constants.X_OK));
}

function ask<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const hint = "check that the directory exists and is yours to write";
    throw refused(`${path} cannot be written: ${messageOf(cause)}`, hint, cause);
  }
}

function refused(message: string, hint: string, cause?: unknown): AppError {
  return new AppError("OUTPUT_UNWRITABLE", message, { hint, cause });
}
