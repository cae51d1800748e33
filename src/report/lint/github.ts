import { distinct } from "../../frontend/dockerfile/lint/linter.ts";
import type { Severity } from "../../frontend/dockerfile/lint/rule.ts";
import { cleanText } from "../clean.ts";
import { regionOf } from "./types.ts";
import type { Checked, Region } from "./types.ts";

const COMMAND: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice" };

/** Workflow commands of GitHub's runners, which become annotations of the lines they name. */
export function githubAnnotations(files: readonly Checked[]): string {
  return files
    .flatMap(({ file, findings, error }) => [
      ...distinct(findings).map(({ rule, severity, message, source, focus }) =>
        annotation(COMMAND[severity], file.name, regionOf(source, focus), rule.name, message),
      ),
      ...(error === undefined
        ? []
        : [
            annotation(
              "error",
              file.name,
              error.source && regionOf(error.source, error.source),
              error.code,
              error.message,
            ),
          ]),
    ])
    .join("");
}

function annotation(command: string, file: string, region: Region | undefined, title: string, message: string): string {
  const properties = {
    file,
    line: region?.startLine,
    endLine: region?.endLine,
    col: region?.startColumn,
    endColumn: region?.endColumn,
    title,
  };
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escape(String(value)).replaceAll(":", "%3A").replaceAll(",", "%2C")}`);
  return `::${command} ${list.join(",")}::${escape(cleanText(message))}\n`;
}

/** As the runner reads it back; anything else of a line is the message itself. */
function escape(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
