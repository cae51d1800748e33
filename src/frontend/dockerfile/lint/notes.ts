import type { Note } from "../note.ts";
import { distinct } from "./linter.ts";
import type { Finding } from "./rule.ts";

/** Findings as a build tells them: one line each, once, in the order of the file. */
export function notesOf(findings: readonly Finding[]): readonly Note[] {
  return distinct(findings).map(({ rule, message, source, focus }) => ({
    code: rule.name,
    message,
    source: focus ?? source,
  }));
}
