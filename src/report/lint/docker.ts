import { redactUserinfo } from "../../base/redact.ts";
import { linesOf } from "../../base/source.ts";
import type { SourceFile } from "../../base/source.ts";
import { cleanText } from "../clean.ts";
import type { Checked } from "./types.ts";

/** What `docker build --check` prints, to the letter but for what a terminal would take for commands, and passwords. */
export function dockerText(files: readonly Checked[]): string {
  const findings = files.flatMap((checked) => checked.findings.map((finding) => ({ ...finding, file: checked.file })));
  if (findings.length === 0) {
    return files.some(({ error }) => error !== undefined) ? "" : "Check complete, no warnings found.\n";
  }
  const head = findings.length === 1 ? "1 warning has been found" : `${findings.length} warnings have been found`;
  const blocks = findings
    .toSorted((a, b) => compareText(a.file.name, b.file.name) || a.source.start.line - b.source.start.line)
    .map(({ rule, message, source, file }) => {
      const link = rule.url === "" ? "" : ` - ${rule.url}`;
      return `\nWARNING: ${rule.name}${link}\n${cleanText(message)}\n${excerpt(file, linesOf(source))}`;
    });
  return `Check complete, ${head}!\n${blocks.join("")}`;
}

/** Lines around those meant, as many as BuildKit shows: it counts a pad of 4, or 2 below several lines. */
function excerpt(file: SourceFile, { first, last }: { readonly first: number; readonly last: number }): string {
  const lines = file.text.split("\n");
  const end = Math.min(last, lines.length);
  const pad = end === first ? 4 : 2;
  let from = first;
  let to = end;
  for (let padded = 0; padded < pad; padded++) {
    if (from > 1) {
      from--;
      padded++;
    }
    if (to !== lines.length) {
      to++;
      padded++;
    }
  }
  const shown = lines.slice(from - 1, to).map((line, index) => {
    const number = from + index;
    const mark = number >= first && number <= last ? ">>>" : "   ";
    return ` ${String(number).padStart(3)} | ${mark} ${cleanText(redactUserinfo(line))}\n`;
  });
  const rule = "-".repeat(20);
  return `${cleanText(file.name)}:${first}\n${rule}\n${shown.join("")}${rule}\n`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
