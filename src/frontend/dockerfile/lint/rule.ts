import type { SourceRange } from "../../../base/source.ts";

export type Severity = "error" | "warning" | "info";

/** A check of BuildKit's, as data. Name, description, url and the findings' messages are BuildKit's interface. */
export interface Rule {
  readonly name: string;
  readonly description: string;
  /** Where BuildKit explains it; empty where it does not. */
  readonly url: string;
  readonly severity: Severity;
  /** Runs only where it is asked for by name, or all such rules are. */
  readonly experimental?: boolean | undefined;
  /** What to do about a finding: one imperative sentence. */
  readonly hint: string;
}

/** A place in a Dockerfile that breaks a rule. */
export interface Finding {
  readonly rule: Rule;
  /** The rule's, or `error` where the file asks for that. */
  readonly severity: Severity;
  readonly message: string;
  /** Whole lines, as BuildKit counts them: those of an instruction. */
  readonly source: SourceRange;
  /** What in these lines is meant, where that is known. */
  readonly focus?: SourceRange | undefined;
}

/** The page about a rule, from the root of the repository. */
export function pageOf({ name }: Rule): string {
  return `docs/rules/${name}.md`;
}
