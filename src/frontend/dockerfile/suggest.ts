/** The option nearest to what was written, at most two edits away; undefined where none is, or one is equal. */
export function suggest(written: string, options: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const option of options) {
    const distance = editDistance(written.toLowerCase(), option.toLowerCase());
    if (distance === 0) return undefined;
    if (distance >= least) continue;
    least = distance;
    best = option;
  }
  return best;
}

/** `Did you mean x? ` or nothing, to begin a hint with. */
export function didYouMean(written: string, options: Iterable<string>): string {
  const match = suggest(written, options);
  return match === undefined ? "" : `Did you mean ${match}? `;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
