import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyRoot } from "../src/snapshot/copy-root.ts";
import { diffEntries } from "../src/snapshot/diff.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { overlayRoot } from "../src/snapshot/overlay-root.ts";
import { dump } from "../src/snapshot/testing/dump.ts";
import type { RootMaker } from "../src/snapshot/writable-root.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { changes, runChanges } from "./snapshot/random-changes.ts";
import type { Change, Met } from "./snapshot/random-changes.ts";
import { entryLines, rescan, scan } from "./snapshot/rescan.ts";
import type { Scan } from "./snapshot/rescan.ts";

const syscalls = loadSyscalls();
const signal = new AbortController().signal;
const isRoot = process.geteuid?.() === 0;
let directory = "";
let count = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "changes-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  readonly upper: string;
  readonly lines: readonly string[];
  readonly before: Scan;
  readonly after: Scan;
  readonly met: Met;
}

/** Runs changes in a root of `maker`, over `lower`. Times from `start` on count as the same. */
async function change(
  maker: RootMaker,
  lower: readonly string[],
  all: readonly Change[],
  start: bigint,
): Promise<Outcome> {
  const space = join(directory, `space-${++count}`);
  const upper = `${space}/upper`;
  mkdirSync(space);
  const root = await maker.open({ lower, upper, space }, signal);
  try {
    const below = new LayeredTree(lower, syscalls);
    expect(dump(new DirectoryTree(root.directory, { syscalls }))).toEqual(dump(below));
    const before = scan(root.directory, start);
    const met = runChanges(root.directory, all);
    const after = scan(root.directory, start);
    // Times of the root itself are in no layer.
    const shown = dump(new DirectoryTree(root.directory, { syscalls }));
    root.release();
    await root.collect(signal);
    const merged = new LayeredTree([...lower, upper], syscalls);
    if (maker.kind === "copy" || !met.links) expect(dump(merged).slice(1)).toEqual(shown.slice(1));
    return { upper, lines: entryLines(diffEntries(upper, below, { syscalls }), start), before, after, met };
  } finally {
    await root.discard();
  }
}

function now(): bigint {
  // Later than all that was written until now, whatever the clock of files is rounded to.
  const wait = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(wait, 0, 0, 12);
  return BigInt(Date.now() - 6) * 1_000_000n;
}

test.skipIf(!isRoot)(
  "copies, mounts and a rescan find the same changes",
  async () => {
    const scratch = join(directory, "scratch");
    mkdirSync(scratch);
    const overlay = overlayRoot({ scratch, syscalls });
    await fc.assert(
      fc.asyncProperty(
        changes,
        fc.array(fc.tuple(changes, fc.constantFrom("run", "run", "copy", "mount")), { minLength: 1, maxLength: 4 }),
        async (base, rounds) => {
          const first = join(directory, `base-${++count}`);
          mkdirSync(first);
          let links = runChanges(first, base).links;
          const handedOn = copyRoot({ place: join(directory, `copies-${count}`), syscalls });
          const lower = [first];
          for (const [all, how] of rounds) {
            const start = now();
            const fresh = copyRoot({ place: join(directory, `copies-${++count}`), syscalls });
            // Layers between two RUNs, to which the copy that is handed on has to be brought.
            if (how !== "run") {
              const layer = await change(how === "copy" || links ? fresh : overlay, lower, all, start);
              links ||= layer.met.links;
              lower.push(layer.upper);
              continue;
            }
            const one = await change(handedOn, lower, all, start);
            expect(one.lines).toEqual(rescan(one.before, one.after));
            const other = await change(fresh, lower, all, start);
            expect(other.lines).toEqual(one.lines);
            // Files of lower layers lose their other names in a mount, when they are written.
            if (!links) {
              const mounted = await change(overlay, lower, all, start);
              if (!(mounted.met.links && mounted.met.copies)) expect(withoutRepeats(mounted)).toEqual(one.lines);
            }
            links ||= one.met.links;
            lower.push(one.upper);
          }
        },
      ),
      { numRuns: Number(process.env["FC_RUNS"] ?? 40), interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    );
  },
  120_000,
);

/** A mount copies a file up before anybody knows whether it will change. */
function withoutRepeats({ lines, before, after }: Outcome): readonly string[] {
  return lines.filter((line) => {
    const path = line.slice(0, line.indexOf(" "));
    const alone = after.get(path)?.links === 1n;
    return !(alone && before.get(path)?.text === line.slice(path.length + 1));
  });
}
