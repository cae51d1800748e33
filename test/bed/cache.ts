import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { runTool } from "./process.ts";

/**
 * Where base images, peers and toolchains are kept between runs: outside the checkout, one directory,
 * `MANYARCH_DEV_CACHE` or `manyarch-dev` in the user's cache directory.
 */
export function devCache(): string {
  const chosen = process.env["MANYARCH_DEV_CACHE"];
  if (chosen !== undefined && chosen !== "") return chosen;
  const xdg = process.env["XDG_CACHE_HOME"];
  return join(xdg === undefined || xdg === "" ? join(homedir(), ".cache") : xdg, "manyarch-dev");
}

/** Something costly to make, named by everything its content follows from. */
export interface Artefact {
  readonly name: string;
  /** Versions and options; the text of the source files in `sources` is added to them. */
  readonly recipe: readonly string[];
  readonly sources: readonly URL[];
  /** Fills the empty directory it is given. */
  readonly make: (directory: string) => Promise<void>;
}

/** The finished artefact's directory, or where it will be: the last part of the name is the recipe's digest. */
export function artefactPath(artefact: Artefact): string {
  const digest = createHash("sha256").update(JSON.stringify(artefact.recipe));
  for (const source of artefact.sources) digest.update(readFileSync(source));
  return join(devCache(), `${artefact.name}-${digest.digest("hex").slice(0, 12)}`);
}

/**
 * Makes the artefact where it is missing and returns its directory. Only one process makes at a time
 * (`withCacheLock`), and a directory gets its final name when it is complete, so that an
 * interrupted run leaves nothing that counts.
 */
export async function makeArtefact(artefact: Artefact): Promise<string> {
  const path = artefactPath(artefact);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = mkdtempSync(`${path}.tmp-`);
  runTool("chmod", ["0755", unfinished]);
  await artefact.make(unfinished);
  renameSync(unfinished, path);
  return path;
}

/** Removes what interrupted runs left. Only with the lock held: then nobody else is at work. */
export function sweepUnfinished(): void {
  for (const name of readdirSync(devCache())) {
    if (name.includes(".tmp-")) rmSync(join(devCache(), name), { recursive: true, force: true });
  }
}

/** Runs this program again under flock(1), whose lock ends with the process however that ends. */
export function withCacheLock(command: readonly string[]): void {
  mkdirSync(devCache(), { recursive: true });
  runTool("flock", ["--exclusive", join(devCache(), "lock"), ...command], { stderr: "inherit" });
}

/** Bytes below a directory, for the line that says what was made. */
export function treeSize(path: string): number {
  const status = lstatSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + treeSize(join(path, name)), 0);
}
