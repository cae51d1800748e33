import { AppError } from "../base/errors.ts";
import { nameOfText } from "../base/utf8.ts";
import { toUtf8 } from "../layer/entry.ts";
import { readGroups, readUsers } from "./user-files.ts";
import type { Tree } from "./tree.ts";

/** Linux ids above this are refused: tools read them as negative and, at 2^32, as root (CVE-2024-40635). */
const MAX_ID = 2 ** 31 - 1;

export interface ResolvedOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who `USER[:GROUP]` of --chown is, by the tree's etc/passwd and etc/group. A number alone is user and
 * group; a name alone has the group of its passwd line. `spec` is text.
 * Throws `OWNER_UNKNOWN` for a name that is not there (BuildKit takes 0:0 in silence) and
 * `OWNER_INVALID` for a number past 2^31-1 or an empty part.
 */
export function resolveOwner(tree: Tree, spec: string): ResolvedOwner {
  const { user, group } = parseSpec(spec);
  const id = parseId(user, spec);
  const { uid, gid } = id === undefined ? findUser(tree, user) : { uid: id, gid: id };
  return { uid, gid: group === undefined ? gid : resolveGroup(tree, group, spec) };
}

/** Who a RUN is. */
export interface ResolvedUser extends ResolvedOwner {
  /** Supplementary groups, ascending, without `gid`. */
  readonly groups: readonly number[];
  /** Home directory; `/` where none is known. */
  readonly home: string;
  readonly name: string | undefined;
}

/**
 * Who `USER` of an image is, as Docker's runtime resolves it: empty is root; a number without passwd
 * line has group 0 and no others; supplementary groups only when no group is named.
 * Throws as {@link resolveOwner} does.
 */
export function resolveUser(tree: Tree, spec: string): ResolvedUser {
  const { user, group } = parseSpec(spec === "" ? "0" : spec);
  const id = parseId(user, spec);
  const found = id === undefined ? findUser(tree, user) : readUsers(tree).find(({ uid }) => uid === id);
  const gid = group === undefined ? (found?.gid ?? 0) : resolveGroup(tree, group, spec);
  const groups = group === undefined && found !== undefined ? groupsOf(tree, found.name, gid) : [];
  return { uid: id ?? found?.uid ?? 0, gid, groups, home: found?.home || "/", name: found?.name };
}

/** The parts as `latin1` names, the form of the files they are looked up in. */
function parseSpec(spec: string): { readonly user: string; readonly group: string | undefined } {
  const name = nameOfText(spec);
  const colon = name.indexOf(":");
  const user = colon < 0 ? name : name.slice(0, colon);
  const group = colon < 0 ? undefined : name.slice(colon + 1);
  if (user === "" || group === "" || group?.includes(":") === true) {
    throw new AppError("OWNER_INVALID", `owner ${JSON.stringify(spec)} is not valid: expected USER or USER:GROUP`, {
      hint: "Write names or numbers, such as app:app or 1000:1000.",
    });
  }
  return { user, group };
}

/** Digits are a number, never looked up as a name. */
function parseId(text: string, spec: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const id = Number(text);
  if (id <= MAX_ID) return id;
  throw new AppError(
    "OWNER_INVALID",
    `owner ${JSON.stringify(spec)} is not valid: expected ids up to ${MAX_ID}, found ${text}`,
  );
}

function findUser(
  tree: Tree,
  name: string,
): { readonly uid: number; readonly gid: number; readonly name: string; readonly home: string } {
  const users = readUsers(tree);
  return users.find((user) => user.name === name) ?? unknown("user", name, "/etc/passwd", users);
}

function resolveGroup(tree: Tree, group: string, spec: string): number {
  const id = parseId(group, spec);
  if (id !== undefined) return id;
  const groups = readGroups(tree);
  return (groups.find(({ name }) => name === group) ?? unknown("group", group, "/etc/group", groups)).gid;
}

function groupsOf(tree: Tree, name: string, primary: number): readonly number[] {
  const gids = readGroups(tree)
    .filter(({ gid, members }) => gid !== primary && members.includes(name))
    .map(({ gid }) => gid);
  return [...new Set(gids)].sort((a, b) => a - b);
}

function unknown(kind: string, name: string, file: string, known: readonly { readonly name: string }[]): never {
  const names = known.slice(0, 12).map((entry) => toUtf8(entry.name));
  throw new AppError("OWNER_UNKNOWN", `${kind} ${JSON.stringify(toUtf8(name))} is not in ${file} of the image`, {
    hint:
      names.length === 0
        ? `The image has no ${file}: write the number instead of the name.`
        : `It has ${names.join(", ")}${known.length > 12 ? " and others" : ""}; make it in an earlier RUN or write the number.`,
  });
}
