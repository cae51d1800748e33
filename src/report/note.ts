import { formatPosition } from "../base/source.ts";
import type { Note } from "../engine/events.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { hintLines } from "./error.ts";
import type { Style } from "./style.ts";

/** `warning[DOCKERFILE_CASING]: … (Dockerfile:12)`, and the hint below it. */
export function noteLines(note: Note, style: Style): string[] {
  const paint = note.level === "warning" ? style.yellow : style.cyan;
  const place = note.source === undefined ? "" : ` (${cleanLine(formatPosition(note.source))})`;
  const [first = "", ...rest] = cleanText(note.message).split("\n");
  const head = `${paint(`${note.level}[${cleanLine(note.code)}]`)}: ${cleanLine(first)}${place}`;
  return [head, ...rest, ...hintLines(note.hint, style)];
}
