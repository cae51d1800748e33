import type { EventSink, Note } from "../engine/events.ts";

/** Passes events on, a note once: what is planned or done again, as something was lost, says the same again. */
export function notesOnce(emit: EventSink): EventSink {
  const told = new Set<string>();
  return (event) => {
    if (event.kind === "note") {
      if (told.has(nameOf(event))) return;
      told.add(nameOf(event));
    }
    emit(event);
  };
}

function nameOf({ code, message, source }: Note): string {
  return JSON.stringify([code, message, source?.file.name, source?.start]);
}
