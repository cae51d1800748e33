import { AppError } from "../base/errors.ts";
import type { SourceRange } from "../base/source.ts";
import type { BuildEvent } from "../engine/events.ts";
import type { Progress } from "./progress.ts";
import { TransferPace } from "./transfer-pace.ts";

/** Of a gigabyte's push there are 4,000 pieces; who draws a bar of them wants a few in a second. */
const TRANSFER_MS = 200;

/**
 * One JSON object a line for each event (of a transfer's progress five a second): its own members, with `data` of outputs in base64, errors as
 * `{code, message, hint, source}` and sources as `{file, start, end}` without the file's text.
 */
export function openJson(write: (text: string) => void): Progress {
  const pace = new TransferPace(TRANSFER_MS);
  return {
    emit: (event) => {
      if (event.kind !== "transfer" || pace.isDue(event, event.time)) write(`${encodeEvent(event)}\n`);
    },
    close: () => {},
  };
}

export function encodeEvent(event: BuildEvent): string {
  const text = JSON.stringify(withTextOfData(event), (_, value: unknown) => plainValue(value));
  // A log is looked at on terminals too: JSON.stringify escapes C0 controls only.
  return text.replaceAll(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** JSON.stringify would make an array of numbers of a Buffer first, ten times its size. */
function withTextOfData(event: BuildEvent): object {
  if (event.kind !== "step.output") return event;
  const { buffer, byteOffset, byteLength } = event.data;
  return { ...event, data: Buffer.from(buffer, byteOffset, byteLength).toString("base64") };
}

function plainValue(value: unknown): unknown {
  if (value instanceof AppError) {
    const { code, message, hint, source } = value;
    return { code, message, hint, source };
  }
  if (isSource(value)) return { file: value.file.name, start: value.start, end: value.end };
  return value;
}

function isSource(value: unknown): value is SourceRange {
  return typeof value === "object" && value !== null && "file" in value && "start" in value && "end" in value;
}
