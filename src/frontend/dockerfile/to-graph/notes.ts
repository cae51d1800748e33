import type { Note } from "../note.ts";

/** Collects notes; the same one from several platforms is one. */
export class NoteBook {
  readonly #notes = new Map<string, Note>();

  add(note: Note): void {
    const { line, column } = note.source.start;
    const key = JSON.stringify([note.code, note.message, line, column]);
    if (!this.#notes.has(key)) this.#notes.set(key, note);
  }

  /** In the order of the file. */
  list(): readonly Note[] {
    return [...this.#notes.values()].sort(
      ({ source: { start: a } }, { source: { start: b } }) => a.line - b.line || a.column - b.column,
    );
  }
}
