import { linesOf } from "../../base/source.ts";
import { distinct } from "../../frontend/dockerfile/lint/linter.ts";
import type { Finding, Rule } from "../../frontend/dockerfile/lint/rule.ts";
import { RULES } from "../../frontend/dockerfile/lint/rules.ts";
import type { Checked } from "./types.ts";

/** JUnit's XML as CI systems read it: a suite for each file, a case for each rule. */
export function junitXml(files: readonly Checked[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="manyarch lint">\n${files.map(suite).join("")}</testsuites>\n`;
}

function suite({ file, findings, error }: Checked): string {
  const unique = distinct(findings);
  const rules = RULES.filter((rule) => rule.experimental !== true || unique.some((finding) => finding.rule === rule));
  const failures = rules.filter((rule) => unique.some((finding) => finding.rule === rule)).length;
  const name = attribute(file.name);
  const cases = rules.map((rule) =>
    testCase(
      file.name,
      rule,
      unique.filter((finding) => finding.rule === rule),
    ),
  );
  const failed =
    error === undefined
      ? ""
      : `    <testcase classname="${name}" name="builds">\n` +
        `      <error type="${attribute(error.code)}" message="${attribute(error.message)}"/>\n    </testcase>\n`;
  const tests = rules.length + (error === undefined ? 0 : 1);
  return (
    `  <testsuite name="${name}" tests="${tests}" failures="${failures}" errors="${tests - rules.length}">\n` +
    `${cases.join("")}${failed}  </testsuite>\n`
  );
}

function testCase(file: string, rule: Rule, findings: readonly Finding[]): string {
  const head = `    <testcase classname="${attribute(file)}" name="${rule.name}"`;
  if (findings.length === 0) return `${head}/>\n`;
  const lines = findings.map(({ message, source }) => `${file}:${linesOf(source).first}: ${message}`);
  return (
    `${head}>\n      <failure type="${findings[0]!.severity}" message="${attribute(findings[0]!.message)}">` +
    `${text(lines.join("\n"))}</failure>\n    </testcase>\n`
  );
}

function attribute(value: string): string {
  return text(value).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;");
}

/** XML 1.0 has no way to write most control characters. */
function text(value: string): string {
  const allowed = value.toWellFormed().replaceAll(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, "\ufffd");
  return allowed.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
