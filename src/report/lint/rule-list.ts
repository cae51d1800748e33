import { pageOf } from "../../frontend/dockerfile/lint/rule.ts";
import { RULES } from "../../frontend/dockerfile/lint/rules.ts";

/** The rules, a line each, or as JSON. */
export function ruleList(asJson: boolean): string {
  if (asJson) {
    const rules = RULES.map(({ experimental = false, ...rule }) => ({ ...rule, experimental, page: pageOf(rule) }));
    return `${JSON.stringify(rules, null, 2)}\n`;
  }
  const width = Math.max(...RULES.map(({ name }) => name.length));
  return RULES.map(({ name, severity, description, experimental }) => {
    const level = experimental === true ? "not by default" : severity;
    return `${name.padEnd(width)}  ${level.padEnd(14)}  ${description}\n`;
  }).join("");
}
