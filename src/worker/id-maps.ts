import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { AppError, messageOf } from "../base/errors.ts";
import { currentUser, subordinateIds } from "../sys/host.ts";
import type { IdRange, User } from "../sys/host.ts";
import { run } from "../sys/run.ts";

/** How many ids an image may be expected to use: 0 to 65535. */
const USUAL_COUNT = 65536;
/** SUB_UID_MIN of login.defs. */
const FIRST_ID = 100_000;

export type IdMaps =
  /** Root is the user, ids from 1 on are his subordinate ones. */
  | {
      readonly kind: "subordinate";
      readonly user: User;
      readonly uids: readonly IdRange[];
      readonly gids: readonly IdRange[];
    }
  /** Every id is itself: root's, who needs the namespace for what is the namespace's own. */
  | { readonly kind: "identity" };

/** For root, who may map any id that he has. */
export function identityMaps(): IdMaps {
  return { kind: "identity" };
}

/**
 * The ids that this user may map into a user namespace. Throws `SANDBOX_UNAVAILABLE` with the command that
 * root must type where there are none.
 */
export function ownIdMaps(): IdMaps {
  const user = currentUser();
  const uids = subordinateIds("/etc/subuid", user);
  const gids = subordinateIds("/etc/subgid", user);
  if (uids.length > 0 && gids.length > 0) return { kind: "subordinate", user, uids, gids };
  const name = user.name ?? String(user.uid);
  const missing = [...(uids.length === 0 ? ["/etc/subuid"] : []), ...(gids.length === 0 ? ["/etc/subgid"] : [])].join(
    " and ",
  );
  throw new AppError(
    "SANDBOX_UNAVAILABLE",
    `user ${name} has no subordinate ids in ${missing}, which a user namespace needs`,
    {
      hint: `As root: usermod --add-subuids ${suggestion("/etc/subuid", uids)} --add-subgids ${suggestion("/etc/subgid", gids)} ${name}`,
    },
  );
}

/** The range that the user has already, or one past everybody's, from where useradd begins: ranges must not meet. */
function suggestion(file: "/etc/subuid" | "/etc/subgid", known: readonly IdRange[]): string {
  const { start, count } = known[0] ?? { start: Math.max(FIRST_ID, endOfRanges(file)), count: USUAL_COUNT };
  return `${start}-${start + count - 1}`;
}

function endOfRanges(file: string): number {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const ends = lines
    .map((line) => /^[^:#]+:(\d+):(\d+)\s*$/.exec(line))
    .map((match) => Number(match?.[1] ?? 0) + Number(match?.[2] ?? 0));
  return Math.max(0, ...ends);
}

/**
 * Maps the ids of the user namespace of `pid`: subordinate ones by newuidmap and newgidmap, as only they
 * may. Throws `SANDBOX_UNAVAILABLE`.
 */
export async function mapIds(pid: number, maps: IdMaps, path: string, signal: AbortSignal): Promise<void> {
  if (maps.kind === "identity") {
    for (const name of ["uid_map", "gid_map"]) writeMap(pid, name, identityOf(`/proc/self/${name}`));
    return;
  }
  await Promise.all([
    runMapper("newuidmap", pid, mapArguments(maps.user.uid, maps.uids), path, signal),
    runMapper("newgidmap", pid, mapArguments(maps.user.gid, maps.gids), path, signal),
  ]);
}

function writeMap(pid: number, name: string, text: string): void {
  try {
    writeFileSync(`/proc/${pid}/${name}`, text);
  } catch (cause) {
    throw new AppError("SANDBOX_UNAVAILABLE", `${name} of a user namespace could not be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * What we have of a map's inside, each id as itself: in a user namespace that need not be all of them.
 * Root has a line of its own, since crun and runc take the one line of the first namespace for a sign that
 * they are in that, where devices can be made.
 */
function identityOf(map: string): string {
  const lines = readFileSync(map, "utf8").trim().split("\n");
  return lines
    .flatMap((line) => {
      const [start = 0, , count = 1] = line.trim().split(/\s+/).map(Number);
      const ranges = start === 0 && count > 1 ? [[0, 1] as const, [1, count - 1] as const] : [[start, count] as const];
      return ranges.map(([first, length]) => `${first} ${first} ${length}\n`);
    })
    .join("");
}

function mapArguments(own: number, ranges: readonly IdRange[]): readonly string[] {
  const triples = [[0, own, 1]];
  let inside = 1;
  for (const { start, count } of ranges) {
    triples.push([inside, start, count]);
    inside += count;
  }
  return triples.flat().map(String);
}

async function runMapper(
  program: string,
  pid: number,
  triples: readonly string[],
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const result = await run([program, String(pid), ...triples], { env: { PATH: path }, signal, timeout: 10_000 }).catch(
    (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== "PROCESS_NOT_STARTED") throw error;
      throw new AppError("SANDBOX_UNAVAILABLE", `${program} is not installed, and only it may map subordinate ids`, {
        hint: "As root: apt-get install uidmap (shadow-utils or shadow-subids on other distributions).",
        cause: error,
      });
    },
  );
  if (result.code === 0) return;
  const said = result.stderr.trim() || `it ended with ${result.code ?? result.signal}`;
  throw new AppError("SANDBOX_UNAVAILABLE", `${program} could not map subordinate ids: ${said}`, {
    hint: `As root: chmod u+s $(command -v ${program}). In a container, allow privilege escalation (newuidmap is setuid).`,
  });
}
