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

type Environment = Readonly<Record<string, string | undefined>>;

/** Colours on a terminal only, and not where NO_COLOR is set to anything (no-color.org). */
export function useColor(stream: { readonly isTTY?: boolean | undefined }, env: Environment): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export function styleOf(color: boolean): Style {
  return color ? COLORED : PLAIN;
}

function same(text: string): string {
  return text;
}

function wrap(open: number, close: number): (text: string) => string {
  return (text) => (text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`);
}
