import type { AppError } from "../../base/errors.ts";
import type { SourceFile, SourceRange } from "../../base/source.ts";
import { distinct } from "../../frontend/dockerfile/lint/linter.ts";
import type { Finding, Rule, Severity } from "../../frontend/dockerfile/lint/rule.ts";
import { RULES } from "../../frontend/dockerfile/lint/rules.ts";
import { fingerprints } from "./fingerprint.ts";
import { regionOf } from "./types.ts";
import type { Checked } from "./types.ts";

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

/** SARIF 2.1.0 (OASIS), as GitHub's code scanning and most editors read it. */
export function sarif(files: readonly Checked[], version: string): string {
  const errors = files.flatMap(({ file, error }) => (error === undefined ? [] : [notification(file, error)]));
  const run = {
    tool: { driver: { name: "manyarch", version, rules: RULES.map(describeRule) } },
    columnKind: "utf16CodeUnits",
    invocations: [
      { executionSuccessful: errors.length === 0, ...(errors.length > 0 && { toolExecutionNotifications: errors }) },
    ],
    results: files.flatMap(results),
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

function describeRule({ name, description, url, hint, severity }: Rule): object {
  return {
    id: name,
    shortDescription: { text: description },
    help: { text: hint },
    ...(url !== "" && { helpUri: url }),
    defaultConfiguration: { level: levelOf(severity) },
  };
}

function results({ file, findings }: Checked): readonly object[] {
  const unique = distinct(findings);
  const prints = fingerprints(file, unique);
  return unique.map((finding, index) => ({
    ruleId: finding.rule.name,
    ruleIndex: RULES.indexOf(finding.rule),
    level: levelOf(finding.severity),
    message: { text: finding.message },
    locations: [location(file, finding)],
    partialFingerprints: { "manyarch/v1": prints[index] },
  }));
}

function notification(file: SourceFile, { code, message, source }: AppError): object {
  return {
    level: "error",
    message: { text: message },
    descriptor: { id: code },
    ...(source !== undefined && { locations: [location(file, { source })] }),
  };
}

function location(file: SourceFile, { source, focus }: { source: SourceRange; focus?: Finding["focus"] }): object {
  return {
    physicalLocation: {
      artifactLocation: { uri: file.name.split("/").map(encodeURIComponent).join("/") },
      region: regionOf(source, focus),
    },
  };
}

function levelOf(severity: Severity): "error" | "warning" | "note" {
  return severity === "info" ? "note" : severity;
}
