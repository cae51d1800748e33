import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { copyRoot } from "../src/snapshot/copy-root.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { walk } from "../src/snapshot/walk.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { makeArtefact } from "../test/bed/cache.ts";
import { CHECKOUT } from "../test/bed/user.ts";
import { KANIKO_VERSION, kanikoSnapshot } from "./kaniko-snapshot.ts";
import { medianOf } from "./results.ts";
import { SNAPSHOT_SECTION, withSection } from "./sections.ts";

// What a RUN costs beyond itself without overlayfs: finding what it changed in a root file system of 20,000 files.
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    output: { type: "string", default: join(CHECKOUT, "bench/RESULTS.md") },
  },
});

const FILES = 20_000;
const syscalls = loadSyscalls();
const { signal } = new AbortController();
const kaniko = join(await makeArtefact(kanikoSnapshot), "kaniko-snapshot");
const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-snapshot-"));
try {
  const found = await measure(Number(options.rounds));
  const [copy = 0, ours = 0, theirs = 0, hashed = 0] = [found.copy, found.ours, found.kaniko, found.hashed].map(
    medianOf,
  );
  const ratio = (other: number): string => (ours / other).toFixed(2);
  const lines = [
    `A root file system of ${FILES.toLocaleString("en")} files, ${Math.round(found.bytes / 1e6)} MB, in the page cache; a RUN that changed one of them. Medians of ${options.rounds} rounds in turn,`,
    `load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 10)}. kaniko is its own snapshot package, ${KANIKO_VERSION}, mode full; the hash of every file is by this program.`,
    "",
    "| Work | manyarch | kaniko | ratio | hash of all files | ratio |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    `| find the changes of a RUN | ${ms(ours)} | ${ms(theirs)} | ${ratio(theirs)} | ${ms(hashed)} | ${ratio(hashed)} |`,
    "",
    `Laying out the copy takes ${ms(copy)}, once for a stage: a later RUN goes on with it, and layers that come between are put on it.`,
    "Nearly all of that is the kernel's making of files: neither threads nor fewer calls make it faster, blocks that are shared (btrfs, xfs) do.",
  ];
  writeFileSync(options.output, withSection(options.output, SNAPSHOT_SECTION, lines));
  process.stdout.write(`${lines.join("\n")}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

interface Found {
  readonly bytes: number;
  readonly copy: number[];
  readonly ours: number[];
  readonly kaniko: number[];
  readonly hashed: number[];
}

async function measure(rounds: number): Promise<Found> {
  const base = join(directory, "base");
  const found: Found = { bytes: makeFiles(base), copy: [], ours: [], kaniko: [], hashed: [] };
  const roots = copyRoot({ place: join(directory, "copies"), syscalls });
  const lower = [base];
  const kanikoSpace = join(directory, "kaniko");
  mkdirSync(kanikoSpace);
  for (let round = 0; round < rounds; round++) {
    const space = join(directory, `space-${round}`);
    mkdirSync(space);
    const start = performance.now();
    const root = await roots.open({ lower, upper: `${space}/fs`, space }, signal);
    if (round === 0) found.copy.push(performance.now() - start);
    appendFileSync(join(root.directory, "d0/e0/f0"), "x");
    found.hashed.push(timed(() => hashAll(root.directory)));
    const [, seconds] = execFileSync(kaniko, [root.directory, kanikoSpace], { encoding: "utf8" }).split(" ");
    found.kaniko.push(Number(seconds) * 1000);
    root.release();
    const begin = performance.now();
    await root.collect(signal);
    found.ours.push(performance.now() - begin);
    lower.push(`${space}/fs`);
  }
  return found;
}

/** Sizes as in an image of a distribution: most are small, and a few hold most of the bytes. */
function makeFiles(base: string): number {
  let bytes = 0;
  for (let file = 0; file < FILES; file++) {
    const parent = join(base, `d${file % 97}`, `e${file % 11}`);
    mkdirSync(parent, { recursive: true });
    const size = file % 100 === 0 ? 400_000 : file % 10 === 0 ? 40_000 : 1000 + (file % 7) * 1000;
    writeFileSync(join(parent, `f${file}`), randomBytes(size));
    utimesSync(join(parent, `f${file}`), 1_700_000_000, 1_700_000_000);
    bytes += size;
  }
  return bytes;
}

function hashAll(root: string): void {
  const tree = new DirectoryTree(root);
  for (const { path, node } of walk(tree, ""))
    if (node.type === "file")
      createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest();
}

function timed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`;
}
