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
