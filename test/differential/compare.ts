import type { Outcome } from "./builders.ts";
import type { AcceptedDifference, Case, PeerName } from "./case.ts";
import { ERROR_KINDS } from "./error-kinds.ts";
import { imageFacts, type Facts } from "./image-facts.ts";

/** One thing that is not the same: `/a mode: manyarch 644, buildkit 755`. */
export interface Difference {
  readonly peer: PeerName | "case";
  readonly key: string;
  readonly manyarch: string;
  readonly found: string;
}

/** What is accepted in every case: a difference of the peer whose line matches. */
export interface GeneralDifference {
  readonly id: string;
  readonly peer: PeerName;
  readonly matches: (difference: Difference) => boolean;
}

export async function compareOutcomes(
  one: Case,
  peer: PeerName,
  manyarch: Outcome,
  found: Outcome,
  since: number,
): Promise<readonly Difference[]> {
  if (manyarch.kind !== found.kind) {
    return [{ peer, key: "outcome", manyarch: told(manyarch), found: told(found) }];
  }
  if (manyarch.kind === "built" && found.kind === "built") {
    const [ours, theirs] = [await imageFacts(manyarch.directory, since), await imageFacts(found.directory, since)];
    return compareFacts(peer, comparable(peer, ours), comparable(peer, theirs));
  }
  return manyarch.kind === "failed" && found.kind === "failed" ? compareFailures(one, peer, manyarch, found) : [];
}

type Failure = Extract<Outcome, { kind: "failed" }>;

/** That manyarch's own error is of the case's kind is not asked here: nothing excuses it. */
function compareFailures(one: Case, peer: PeerName, manyarch: Failure, found: Failure): readonly Difference[] {
  const kind = ERROR_KINDS[one.fails ?? ""];
  const same = kind?.[peer].test(found.text) ?? false;
  const differences: Difference[] = same ? [] : [{ peer, key: "error", manyarch: told(manyarch), found: told(found) }];
  if (peer === "buildkit" && manyarch.line !== found.line) {
    differences.push({ peer, key: "error line", manyarch: manyarch.line, found: found.line });
  }
  return differences;
}

export function told(outcome: Outcome): string {
  if (outcome.kind === "built") return "built";
  const text = outcome.text.trimEnd();
  const at = Math.max(text.lastIndexOf("\nerror"), text.lastIndexOf("\nError"));
  return at < 0 ? text.split("\n").slice(-3).join(" | ") : (text.slice(at + 1).split("\n")[0] ?? "");
}

function compareFacts(peer: PeerName, ours: Facts, theirs: Facts): readonly Difference[] {
  const differences: Difference[] = [];
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [manyarch = "absent", found = "absent"] = [ours.get(key), theirs.get(key)];
    if (manyarch !== found && !isOneOfMissing(key, ours, theirs)) differences.push({ peer, key, manyarch, found });
  }
  return differences;
}

/** Only docker's configuration format has these; buildah writes them where nobody set them. */
const NOT_ASKED_OF_BUILDAH =
  /^(history|created|container|docker_version|parent|author|config\.(ArgsEscaped|Hostname|Domainname|Attach|Tty|OpenStdin|StdinOnce|Image)|.* mtime$)/;
const EMPTY = new Set(['""', "[]", "{}", "null", "false"]);

/** buildah is asked for files and what runs them; of history and times it has views of its own. */
function comparable(peer: PeerName, facts: Facts): Facts {
  if (peer === "buildkit") return facts;
  return new Map([...facts].filter(([key, value]) => !NOT_ASKED_OF_BUILDAH.test(key) && !EMPTY.has(value)));
}

/** A file that only one has is one difference, not one for each of its properties. */
function isOneOfMissing(key: string, ours: Facts, theirs: Facts): boolean {
  const [, path] = /^(\/.*) (?!type$)\w+(?: \S+)?$/.exec(key) ?? [];
  return path !== undefined && ours.has(`${path} type`) !== theirs.has(`${path} type`);
}

export interface Judged {
  readonly unexplained: readonly Difference[];
  /** Accepted differences of the case that are not there any more. */
  readonly stale: readonly AcceptedDifference[];
}

export function judge(one: Case, differences: readonly Difference[], general: readonly GeneralDifference[]): Judged {
  const own = one.differs.map((accepted) => ({ accepted, pattern: keyPattern(accepted.key) }));
  const isOwn = ({ peer, key }: Difference): boolean =>
    own.some(({ accepted, pattern }) => accepted.peer === peer && pattern.test(key));
  return {
    unexplained: differences.filter(
      (found) => !isOwn(found) && !general.some((rule) => rule.peer === found.peer && rule.matches(found)),
    ),
    stale: own
      .filter(
        ({ accepted, pattern }) =>
          accepted.always && !differences.some(({ peer, key }) => accepted.peer === peer && pattern.test(key)),
      )
      .map(({ accepted }) => accepted),
  };
}

function keyPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
