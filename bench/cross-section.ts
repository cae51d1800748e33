import { existsSync, readFileSync } from "node:fs";

const HEADING = "## Cross-compiled instead of emulated";

/** What `bench/cross.ts` wrote last, for a page that is written anew; empty where it never did. */
export function crossSection(page: string): string {
  const text = existsSync(page) ? readFileSync(page, "utf8") : "";
  const start = text.indexOf(HEADING);
  if (start < 0) return "";
  const end = text.indexOf("\n## ", start + HEADING.length);
  return `${text.slice(start, end < 0 ? undefined : end).trimEnd()}\n`;
}

/** The page with `lines` as its section. */
export function withCrossSection(page: string, lines: readonly string[]): string {
  const text = existsSync(page) ? readFileSync(page, "utf8") : "# Results\n";
  const before = crossSection(page);
  const section = `${[HEADING, "", ...lines].join("\n")}\n`;
  return before === "" ? `${text.trimEnd()}\n\n${section}` : text.replace(before, () => section);
}
