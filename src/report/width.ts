/** Scripts and symbols that terminals draw two columns wide (Unicode East Asian Width W and F, in blocks). */
const WIDE: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2648, 0x2653],
  [0x26a1, 0x26a1],
  [0x26bd, 0x26be],
  [0x2705, 0x2705],
  [0x274c, 0x274c],
  [0x2753, 0x2757],
  [0x2795, 0x2797],
  [0x2b1b, 0x2b1c],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18aff],
  [0x1b000, 0x1b2ff],
  [0x1f004, 0x1f004],
  [0x1f0cf, 0x1f0cf],
  [0x1f18e, 0x1f19a],
  [0x1f200, 0x1f265],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f7e0, 0x1f7eb],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

const TOKEN = /\x1b\[[0-9;:]*m|[\s\S]/gu;

/** Columns that `text` takes on a terminal. Colours take none; `text` is one line and clean. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const [token] of text.matchAll(TOKEN)) width += tokenWidth(token);
  return width;
}

/** `text` cut to `columns`, with an ellipsis where something was cut. Colours are kept and closed. */
export function truncate(text: string, columns: number): string {
  if (text.length <= columns && isAscii(text)) return text;
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let kept = "";
  let isColored = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const next = tokenWidth(token);
    if (width + next > columns - 1) break;
    if (token.length > 2 && token.startsWith("\x1b")) isColored = true;
    kept += token;
    width += next;
  }
  return `${kept}${columns > 0 ? "…" : ""}${isColored ? "\x1b[0m" : ""}`;
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function tokenWidth(token: string): number {
  const code = token.codePointAt(0) ?? 0;
  if (code < 0x20) return 0;
  if (code < 0x300) return 1;
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(token)) return 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
