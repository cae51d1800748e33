import { createHash } from "node:crypto";
import { linesOf } from "../../base/source.ts";
import { distinct } from "../../frontend/dockerfile/lint/linter.ts";
import { fingerprints } from "./fingerprint.ts";
import type { Checked } from "./types.ts";

const SEVERITY = { error: "major", warning: "minor", info: "info" } as const;

/** GitLab's Code Quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format */
export function gitlabCodeQuality(files: readonly Checked[]): string {
  const issues = files.flatMap(({ file, findings, error }) => {
    const unique = distinct(findings);
    const prints = fingerprints(file, unique);
    const found = unique.map(({ rule, message, severity, source }, index) => {
      const { first: begin, last: end } = linesOf(source);
      return {
        description: message,
        check_name: rule.name,
        fingerprint: prints[index],
        severity: SEVERITY[severity],
        location: { path: file.name, lines: { begin, end } },
      };
    });
    if (error === undefined) return found;
    const failure = {
      description: error.message,
      check_name: error.code,
      fingerprint: createHash("sha256").update(`${file.name} ${error.code}`).digest("hex"),
      severity: "blocker",
      location: { path: file.name, lines: { begin: error.source?.start.line ?? 1 } },
    };
    return [...found, failure];
  });
  return `${JSON.stringify(issues, null, 2)}\n`;
}
