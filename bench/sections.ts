import { existsSync, readFileSync } from "node:fs";

/** What programs of their own measure and write: {@link withSection}. */
export const CROSS_SECTION = "## Cross-compiled instead of emulated";
export const SNAPSHOT_SECTION = "## Changes of a RUN where nothing can be mounted";

/** The sections of a page that is written anew; empty where they were never written. */
export function keptSections(page: string): string {
  return [CROSS_SECTION, SNAPSHOT_SECTION]
    .map((heading) => section(page, heading))
    .filter((text) => text !== "")
    .join("\n");
}

/** The page with `lines` as the section below `heading`. */
export function withSection(page: string, heading: string, lines: readonly string[]): string {
  const text = existsSync(page) ? readFileSync(page, "utf8") : "# Results\n";
  const before = section(page, heading);
  const after = `${[heading, "", ...lines].join("\n")}\n`;
  return before === "" ? `${text.trimEnd()}\n\n${after}` : text.replace(before, () => after);
}

function section(page: string, heading: string): string {
  const text = existsSync(page) ? readFileSync(page, "utf8") : "";
  const start = text.indexOf(heading);
  if (start < 0) return "";
  const end = text.indexOf("\n## ", start + heading.length);
  return `${text.slice(start, end < 0 ? undefined : end).trimEnd()}\n`;
}
