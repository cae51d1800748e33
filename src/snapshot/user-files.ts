import { readTreeFile } from "./read-tree-file.ts";
import type { Tree } from "./tree.ts";

/** As much of the files as BuildKit reads. */
const MAX_BYTES = 10 * 1024 * 1024;

export interface UserLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The lines of etc/passwd, none where there is no such file. Names are `latin1`. */
export function readUsers(tree: Tree): readonly UserLine[] {
  return readLines(tree, "etc/passwd", 4).flatMap(([name, , uid, gid, , home]) =>
    isId(uid) && isId(gid) ? [{ name: name ?? "", uid: Number(uid), gid: Number(gid), home: home ?? "" }] : [],
  );
}

/** The lines of etc/group, none where there is no such file. Names are `latin1`. */
export function readGroups(tree: Tree): readonly GroupLine[] {
  return readLines(tree, "etc/group", 3).flatMap(([name, , gid, members]) =>
    isId(gid)
      ? [{ name: name ?? "", gid: Number(gid), members: (members ?? "").split(",").filter((member) => member !== "") }]
      : [],
  );
}

function readLines(tree: Tree, path: string, fields: number): readonly (readonly string[])[] {
  const bytes = readTreeFile(tree, path, MAX_BYTES);
  if (bytes === undefined) return [];
  return bytes
    .toString("latin1")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"))
    .filter((line) => line.length >= fields);
}

/** What is no id of Linux names nobody: such a line is passed over. */
function isId(text: string | undefined): boolean {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) && Number(text) < 2 ** 31;
}
