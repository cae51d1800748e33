import { editDistance } from "../../base/edit-distance.ts";

/** The option nearest to what was written, at most two edits away; undefined where none is, or one is equal. */
export function suggest(written: string, options: Iterable<string>): string | undefined {
  return nearest(written, options, (text) => text.toLowerCase());
}

/** As {@link suggest}, where names differ by case. */
export function suggestCased(written: string, options: Iterable<string>): string | undefined {
  return nearest(written, options, (text) => text);
}

/** `Did you mean x? ` or nothing, to begin a hint with. */
export function didYouMean(written: string, options: Iterable<string>): string {
  const match = suggest(written, options);
  return match === undefined ? "" : `Did you mean ${match}? `;
}

function nearest(written: string, options: Iterable<string>, spell: (text: string) => string): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const option of options) {
    if (Math.abs(written.length - option.length) > 2) continue;
    const distance = editDistance(spell(written), spell(option));
    if (distance === 0) return undefined;
    if (distance >= least) continue;
    least = distance;
    best = option;
  }
  return best;
}
