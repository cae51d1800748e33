/** Permission bits, or a change of them as chmod(1) writes it: `u=rwX,go=rX`. */
export type FileMode = number | string;

/** Whether `text` is a change of mode that {@link applyMode} takes. */
export function isSymbolicMode(text: string): boolean {
  return text.split(",").every((clause) => /^[ugoa]*(?:[-+=][rwxXstugo]*)+$/.test(clause));
}

/** The bits of a file of mode `mode` after the change. No umask: what names nobody is for all. */
export function applyMode(change: FileMode, mode: number, isDirectory: boolean): number {
  if (typeof change === "number") return change;
  const mayExecute = isDirectory || (mode & 0o111) !== 0;
  let result = mode;
  for (const clause of change.split(",")) {
    const [, who = "", actions = ""] = /^([ugoa]*)(.*)$/.exec(clause)!;
    for (const [, operator = "", letters = ""] of actions.matchAll(/([-+=])([^-+=]*)/g)) {
      result = act(result, scopeOf(who), operator, letters, mayExecute);
    }
  }
  return result;
}

const SCOPES: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o007, a: 0o6777 };
const BITS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 };

function scopeOf(who: string): number {
  return [...(who === "" ? "a" : who)].reduce((bits, letter) => bits | SCOPES[letter]!, 0);
}

function act(mode: number, who: number, operator: string, letters: string, mayExecute: boolean): number {
  // The sticky bit is nobody's: it changes where it is named, unless only others are meant.
  const scope = letters.includes("t") && who !== SCOPES["o"] ? who | BITS["t"]! : who;
  let bits = 0;
  for (const letter of letters) bits |= bitsOf(letter, mode, mayExecute || operator === "-");
  bits &= scope;
  if (operator === "+") return mode | bits;
  if (operator === "-") return mode & ~bits;
  // Copying another's permissions leaves setuid and setgid as they are.
  return (mode & ~(/[ugo]/.test(letters) ? scope & 0o777 : scope)) | bits;
}

function bitsOf(letter: string, mode: number, mayExecute: boolean): number {
  switch (letter) {
    case "u":
      return ((mode >> 6) & 7) * 0o111;
    case "g":
      return ((mode >> 3) & 7) * 0o111;
    case "o":
      return (mode & 7) * 0o111;
    case "X":
      return mayExecute ? BITS["x"]! : 0;
    default:
      return BITS[letter]!;
  }
}
