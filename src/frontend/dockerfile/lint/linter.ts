import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import type { InstructionNode } from "../ast.ts";
import type { Finding, Rule } from "./rule.ts";
import { DEFAULT_SETTINGS, withComments } from "./settings.ts";
import type { CheckSettings } from "./settings.ts";

/** Where a finding is, and the comments that may silence it. */
export type Place = Pick<InstructionNode, "source"> & { readonly comments?: readonly string[] | undefined };

/**
 * Collects what a plan finds on its way, in BuildKit's order. It lasts for one plan, and keeps what was
 * found when the plan fails.
 */
export class Linter {
  readonly #findings: Finding[] = [];
  #settings: CheckSettings = DEFAULT_SETTINGS;
  /** Findings of the platforms before the present one. */
  #known: ReadonlySet<string> = new Set();

  configure(settings: CheckSettings): void {
    this.#settings = settings;
  }

  /** Of what several platforms find, the first counts: a finding of the platform at `index` that is known is none. */
  beginPlatform(index: number): void {
    this.#known = new Set(index === 0 ? [] : this.#findings.map(keyOf));
  }

  report(rule: Rule, message: string, { source, comments = [] }: Place, focus?: SourceRange): void {
    const { skip, experimental, error } = withComments(this.#settings, comments);
    // An experimental rule is asked for by name; skip= does not reach it.
    const { all, names } = rule.experimental === true ? experimental : skip;
    if ((all || names.has(rule.name)) !== (rule.experimental === true)) return;
    const finding = { rule, severity: error ? "error" : rule.severity, message, source, focus } as const;
    if (!this.#known.has(keyOf(finding))) this.#findings.push(finding);
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** The error that `error=true` makes of findings. BuildKit's words. */
  violation(): AppError | undefined {
    const [first] = this.#findings;
    if (!this.#settings.error || first === undefined) return undefined;
    const names = [...new Set(this.#findings.map(({ rule }) => rule.name))];
    return new AppError("DOCKERFILE_CHECK", `lint violation found for rules: ${names.join(", ")}`, {
      source: first.source,
      hint: "Mend what the findings name, or leave error=true out of # check=.",
    });
  }
}

/** The same finding twice is one, in the order of the file: for readers, not for BuildKit's own formats. */
export function distinct(findings: readonly Finding[]): readonly Finding[] {
  // Backwards, so that of equal ones the first stays.
  return [...new Map(findings.toReversed().map((finding) => [keyOf(finding), finding])).values()]
    .reverse()
    .sort(
      ({ source: { start: a }, focus: f }, { source: { start: b }, focus: g }) =>
        a.line - b.line ||
        (f?.start.line ?? 0) - (g?.start.line ?? 0) ||
        (f?.start.column ?? 0) - (g?.start.column ?? 0),
    );
}

function keyOf({ rule, message, source: { start } }: Finding): string {
  return JSON.stringify([rule.name, message, start.line]);
}
