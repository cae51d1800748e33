/** How text is set off on a terminal. Without colours each is the identity. */
export interface Style {
  readonly isColored: boolean;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const PLAIN: Style = { isColored: false, bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };
const COLORED: Style = {
  isColored: true,
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  red: wrap(31, 39),
  green: wrap(32, 39),
  yellow: wrap(33, 39),
  cyan: wrap(36, 39),
};

export function styleOf(color: boolean): Style {
  return color ? COLORED : PLAIN;
}

function same(text: string): string {
  return text;
}

function wrap(open: number, close: number): (text: string) => string {
  return (text) => (text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`);
}
