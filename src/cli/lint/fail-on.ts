import type { Finding, Severity } from "../../frontend/dockerfile/lint/rule.ts";
import { RULES } from "../../frontend/dockerfile/lint/rules.ts";
import { didYouMean } from "../../frontend/dockerfile/suggest.ts";
import { usage } from "../build/usage.ts";

const LEVELS: readonly Severity[] = ["info", "warning", "error"];

/** Whether a finding makes the command fail. */
export type FailOn = (finding: Finding) => boolean;

/** `--fail-on`: a severity and all above it, `never`, or names of rules, comma-separated. */
export function parseFailOn(text: string): FailOn {
  const words = text.split(",").map((word) => word.trim());
  if (words.length === 1 && words[0] === "never") return () => false;
  const [level] = words;
  const least = LEVELS.findIndex((severity) => severity === level);
  if (words.length === 1 && least >= 0) return ({ severity }) => LEVELS.indexOf(severity) >= least;
  const unknown = words.find((word) => !RULES.some(({ name }) => name === word));
  if (unknown === undefined) return ({ rule }) => words.includes(rule.name);
  const options = [...LEVELS, "never", ...RULES.map(({ name }) => name)];
  throw usage(
    `--fail-on ${text}: ${unknown === "" ? "it is empty" : `${unknown} is no severity and no rule`}`,
    `${didYouMean(unknown, options)}write error, warning, info, never or names of rules; manyarch lint --list has them`,
  );
}
