/** One `key=value` or `key` of a mount; the key in lower case. */
export interface MountField {
  readonly key: string;
  readonly value: string | undefined;
}

/** The fields between commas; one in double quotes may hold commas, and `""` for a quote. */
export function mountFields(text: string): readonly MountField[] {
  return [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = ""]) => {
    const field = quoted?.replaceAll('""', '"') ?? plain;
    const equals = field.indexOf("=");
    if (equals < 0) return { key: field.toLowerCase(), value: undefined };
    return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) };
  });
}

/** As Go's strconv.ParseBool. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

/** Bytes of `64m`, `1.5GiB` and the like; units are powers of 1024. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])?i?b?)$/i.exec(text);
  if (match === null) return undefined;
  return Math.trunc(Number(match[1]) * 1024 ** (1 + "kmgtp".indexOf(match[2]?.toLowerCase() ?? " ")));
}

export function parseMode(text: string): number | undefined {
  return /^[0-7]{1,6}$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : undefined;
}

export function parseId(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}
