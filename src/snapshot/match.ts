import { cleanPath } from "../base/clean-path.ts";
import { AppError } from "../base/errors.ts";
import { trimSpace } from "../base/whitespace.ts";
import { compilePattern } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";

/**
 * Ordered patterns with exceptions (`!keep`), as .dockerignore has them: of the patterns that match a
 * path or a directory above it, the last one decides.
 *
 * Paths are `latin1` byte strings relative to the tree's root, as in layer/entry.ts; patterns are text.
 */
export interface Matcher {
  /** True where no pattern is there: nothing matches. */
  readonly empty: boolean;
  /**
   * Whether `path` is matched. A walk passes what it got for the directory above, which spares looking
   * at it again (moby: MatchesUsingParentResults); without `parent` the directories above are asked.
   */
  match(path: string, parent?: Match): Match;
  /**
   * Whether every path below the directory is matched as it is, so that it need not be read: it is
   * matched, and no later exception can match anything in it.
   */
  prunes(directory: string, match: Match): boolean;
  /** Whether anything below the directory could be matched by a pattern that is no exception. */
  reaches(directory: string): boolean;
}

export interface Match {
  readonly matched: boolean;
  /** For each pattern, whether it matched the path or a directory above. */
  readonly byPattern: readonly boolean[];
}

/** Compiles patterns as ignore/parse.ts reads them. Throws `IGNORE_PATTERN_INVALID`. */
export function compileMatcher(patterns: readonly string[]): Matcher {
  const rules = patterns
    .map(trimSpace)
    .filter((pattern) => pattern !== "")
    .map(compileRule);
  return {
    empty: rules.length === 0,
    match: (path, parent) => matchRules(rules, path, parent),
    prunes: (directory, match) => prunes(rules, directory, match),
    reaches: (directory) => rules.some((rule) => !rule.exception && rule.reachesInto(directory)),
  };
}

interface Rule extends Pattern {
  readonly exception: boolean;
}

function compileRule(text: string): Rule {
  const clean = cleanPath(text);
  if (!clean.startsWith("!")) return { ...compilePattern(clean), exception: false };
  if (clean !== "!") return { ...compilePattern(clean.slice(1)), exception: true };
  throw new AppError("IGNORE_PATTERN_INVALID", 'pattern "!" is not valid: expected a path after the !', {
    hint: "Write !PATH to keep PATH, or remove the line.",
  });
}

function matchRules(rules: readonly Rule[], path: string, parent: Match | undefined): Match {
  const byPattern: boolean[] = [];
  let matched = false;
  for (const [index, rule] of rules.entries()) {
    // A pattern that could change nothing is not asked and counts as not matching, as in moby.
    const found =
      parent?.byPattern[index] === true ||
      (rule.exception === matched && (rule.matches(path) || (parent === undefined && matchesAbove(rule, path))));
    byPattern.push(found);
    if (found) matched = !rule.exception;
  }
  return { matched, byPattern };
}

function matchesAbove(rule: Rule, path: string): boolean {
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    if (rule.matches(path.slice(0, slash))) return true;
  }
  return false;
}

function prunes(rules: readonly Rule[], directory: string, match: Match): boolean {
  if (!match.matched) return false;
  // An exception before the pattern that matched the directory is overruled by it for all that is below.
  const decided = match.byPattern.lastIndexOf(true);
  return !rules.some((rule, index) => index > decided && rule.exception && rule.reachesInto(directory));
}
