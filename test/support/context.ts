import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Bed } from "../bed/bed.ts";
import { runTool } from "../bed/process.ts";
import { runsAsRoot } from "../bed/user.ts";

/** What is at a path of a build context: a file's content, a mode with it, a symlink, or (`name/`) a directory. */
export type Content = string | { readonly mode: number; readonly content?: string } | { readonly link: string };
export type Files = Readonly<Record<string, Content>>;

let contexts = 0;

/** A build context of its own for a test, with these files; modes do not depend on the umask. */
export function newContext(bed: Bed, files: Files): string {
  let directory = join(bed.directory, `context-${contexts}`);
  while (existsSync(directory)) directory = join(bed.directory, `context-${++contexts}`);
  bed.newDirectory(`context-${contexts}`);
  writeFiles(directory, files);
  if (runsAsRoot) runTool("chown", ["-hR", `${bed.user.uid}:${bed.user.gid}`, directory]);
  return directory;
}

export function writeFiles(directory: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) writePath(directory, path, content);
}

function writePath(directory: string, path: string, content: Content): void {
  const place = join(directory, path);
  makeDirectories(directory, path.endsWith("/") ? path : dirname(path));
  if (typeof content === "object" && "link" in content) return symlinkSync(content.link, place);
  const mode = typeof content === "string" ? undefined : content.mode;
  const text = typeof content === "string" ? content : (content.content ?? "");
  if (!path.endsWith("/")) writeFileSync(place, text);
  chmodSync(place, mode ?? (path.endsWith("/") ? 0o755 : 0o644));
}

function makeDirectories(directory: string, path: string): void {
  let place = directory;
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    place = join(place, name);
    if (existsSync(place)) continue;
    mkdirSync(place);
    chmodSync(place, 0o755);
  }
}
