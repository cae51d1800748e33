import { csvFields } from "../../../base/csv.ts";

/** One `key=value` or `key` of a mount; the key in lower case. */
export interface MountField {
  readonly key: string;
  readonly value: string | undefined;
}

/** The fields between commas; one in double quotes may hold commas, and `""` for a quote. */
export function mountFields(text: string): readonly MountField[] {
  return csvFields(text).map((field) => {
    const equals = field.indexOf("=");
    if (equals < 0) return { key: field.toLowerCase(), value: undefined };
    return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) };
  });
}

export function parseMode(text: string): number | undefined {
  return /^[0-7]{1,6}$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : undefined;
}

export function parseId(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}
