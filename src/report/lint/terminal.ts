import { distinct } from "../../frontend/dockerfile/lint/linter.ts";
import type { Finding } from "../../frontend/dockerfile/lint/rule.ts";
import { cleanText } from "../clean.ts";
import { hintLines } from "../error.ts";
import type { RenderOptions } from "../error.ts";
import { renderExcerpt } from "../excerpt.ts";
import { count } from "../phrases.ts";
import { styleOf } from "../style.ts";
import type { Style } from "../style.ts";
import type { Checked } from "./types.ts";

/** Findings for people: what, where, and what to do. Errors are told elsewhere. */
export function terminalText(files: readonly Checked[], options: RenderOptions): string {
  const style = styleOf(options.color);
  return files
    .flatMap(({ findings }) => distinct(findings))
    .map((finding) => `${findingLines(finding, style, options).join("\n")}\n`)
    .join("\n");
}

/** `3 warnings in 2 files`: the last word on what was checked. */
export function summaryOf(files: readonly Checked[]): string {
  const findings = files.flatMap((file) => distinct(file.findings));
  const levels = (["error", "warning", "info"] as const).flatMap((level) => {
    const number = findings.filter(({ severity }) => severity === level).length;
    return number === 0 ? [] : [level === "info" ? `${number} info` : count(number, level)];
  });
  const broken = files.filter(({ error }) => error !== undefined).length;
  if (broken > 0 && levels.length === 0) return `${broken} of ${count(files.length, "file")} cannot be built`;
  const rest = broken === 0 ? "" : `; ${broken} of them cannot be built`;
  return `${levels.length === 0 ? "no findings" : levels.join(", ")} in ${count(files.length, "file")}${rest}`;
}

function findingLines(
  { rule, severity, message, source, focus }: Finding,
  style: Style,
  options: RenderOptions,
): string[] {
  const paint = severity === "error" ? style.red : severity === "warning" ? style.yellow : style.cyan;
  return [
    `${paint(`${severity}[${rule.name}]`)}: ${style.bold(cleanText(message))}`,
    ...renderExcerpt(focus ?? source, { columns: options.columns, paint }),
    ...hintLines(rule.url === "" ? rule.hint : `${rule.hint}\n${rule.url}`, style),
  ];
}
