import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AppError } from "../src/base/errors.ts";
import type { RawEntry } from "../src/layer/tar/raw-reader.ts";
import { readTarRaw } from "../src/layer/testing/read-tar-raw.ts";
import { buildGoTar, hasGo, type GoEntry, type GoListing, type GoTar } from "./layer/gotar.ts";
import { mutatedTar } from "./layer/mutated-tar.ts";

const CORPUS = join(import.meta.dirname, "../../shared/conformance/adversarial-tars");

interface Ours {
  readonly entries: readonly GoEntry[];
  readonly error?: AppError | undefined;
}

describe.skipIf(!existsSync(CORPUS))("adversarial corpus", () => {
  const expected = existsSync(CORPUS) ? JSON.parse(readFileSync(join(CORPUS, "expected.json"), "utf8")) : {};

  test.each(Object.keys(expected))("CVE-2025-62518: %s is read as Go reads it, or refused", async (file) => {
    const ours = await listOurs(readFileSync(join(CORPUS, file)));
    const oracle = parseExpected(expected[file]);
    expect(disagreement(ours, oracle)).toBe(undefined);
    // None of the corpus is beyond what is supported: where Go reads to the end, so must we.
    if (oracle.error === undefined) expect(ours.error).toBe(undefined);
  });
});

describe.skipIf(!hasGo())("differential against archive/tar", () => {
  let go: GoTar;
  let directory: string;
  beforeAll(() => {
    go = buildGoTar();
    directory = mkdtempSync(join(tmpdir(), "layer-oracle-"));
  });
  afterAll(() => {
    go.remove();
    rmSync(directory, { recursive: true });
  });

  test("mutated archives are read the same or refused", { timeout: 300_000 }, async () => {
    const runs = Number(process.env["FUZZ_RUNS"] ?? 2000);
    const seed = Number(process.env["FUZZ_SEED"] ?? 20261121);
    const tars = fc.sample(mutatedTar(seedTars(directory)), { numRuns: runs, seed });
    const tally = { read: 0, refused: 0, stricter: 0 };
    for (let from = 0; from < tars.length; from += 500) {
      const batch = tars.slice(from, from + 500);
      const files = batch.map((_, i) => join(directory, `${i}.tar`));
      for (const [i, file] of files.entries()) writeFileSync(file, batch[i] ?? "");
      const listings = go.list(files);
      for (const [i, bytes] of batch.entries()) {
        const oracle = listings[i] ?? { entries: [] };
        const ours = await listOurs(bytes);
        const difference = disagreement(ours, oracle);
        if (difference !== undefined) {
          const kept = join(tmpdir(), `layer-oracle-failure-${seed}-${from + i}.tar`);
          writeFileSync(kept, bytes);
          expect.fail(`${difference} (kept as ${kept})`);
        }
        tally[oracle.error !== undefined ? "refused" : ours.error === undefined ? "read" : "stricter"]++;
      }
    }
    // The test means something only while archives of each kind occur.
    expect(tally.read).toBeGreaterThan(runs / 20);
    expect(tally.refused).toBeGreaterThan(runs / 20);
    expect(tally.stricter).toBeLessThan(runs / 5);
  });
});

/** What keeps a reading from being "the same or refused"; undefined where nothing does. */
function disagreement(ours: Ours, oracle: GoListing): string | undefined {
  if (ours.error === undefined && oracle.error !== undefined) return `read to the end, Go says: ${oracle.error}`;
  if (ours.error === undefined && ours.entries.length !== oracle.entries.length) {
    return `found ${ours.entries.length} entries, Go ${oracle.entries.length}`;
  }
  if (ours.error !== undefined && !/^TAR_(INVALID|TRUNCATED|UNSUPPORTED|LIMIT)$/.test(ours.error.code)) {
    return `refused with ${ours.error.code}`;
  }
  for (const [i, entry] of ours.entries.entries()) {
    const theirs = oracle.entries[i];
    if (theirs === undefined) return `entry ${i} is ${JSON.stringify(entry.name)}, Go has none`;
    for (const key of Object.keys(entry) as (keyof GoEntry)[]) {
      if (!isEqual(key, entry, theirs)) return `entry ${i}: ${key} is ${show(entry[key])}, to Go ${show(theirs[key])}`;
    }
  }
  return undefined;
}

function isEqual(key: keyof GoEntry, ours: GoEntry, theirs: GoEntry): boolean {
  // The corpus gives no digest of the content of unknown types.
  if (key === "sha256" && theirs.sha256 === undefined) return true;
  if (key !== "pax") return ours[key] === theirs[key];
  return ours.pax.size === theirs.pax.size && [...ours.pax].every(([name, value]) => theirs.pax.get(name) === value);
}

function show(value: unknown): string {
  return value instanceof Map ? JSON.stringify([...value]) : JSON.stringify(String(value));
}

async function listOurs(bytes: Uint8Array): Promise<Ours> {
  const entries: GoEntry[] = [];
  try {
    for await (const entry of readTarRaw([bytes])) entries.push(await listEntry(entry));
    return { entries };
  } catch (error) {
    if (error instanceof AppError) return { entries, error };
    throw error;
  }
}

async function listEntry(raw: RawEntry): Promise<GoEntry> {
  const { content, offset: _, ...entry } = raw;
  const hash = createHash("sha256");
  for (let bytes = await content.next(); bytes !== undefined; bytes = await content.next()) hash.update(bytes);
  // Go leaves all but the name of a global header out, and its time is Go's zero.
  if (raw.type === "g")
    return { ...entry, mode: 0, uid: 0, gid: 0, devmajor: 0, devminor: 0, mtime: -62135596800n * 1_000_000_000n };
  return { ...entry, sha256: hash.digest("hex") };
}

const NO_DEVICE: Pick<GoEntry, "devmajor" | "devminor"> = { devmajor: 0, devminor: 0 };

interface ExpectedEntry extends Record<string, unknown> {
  readonly name: string;
  readonly mtime_ns: string;
}

function parseExpected(listing: { entries: readonly ExpectedEntry[]; error?: string }): GoListing {
  const entries = listing.entries.map(({ mtime_ns, ...entry }): GoEntry => {
    const [seconds = "0", nanos = "0"] = mtime_ns.split(".");
    return {
      ...NO_DEVICE,
      ...(/[1-6]/.test(String(entry["type"])) ? { sha256: createHash("sha256").digest("hex") } : {}),
      ...(entry as unknown as Omit<GoEntry, keyof typeof NO_DEVICE>),
      linkname: (entry["linkname"] as string | undefined) ?? "",
      name: unquoteGo(entry.name),
      mtime: BigInt(seconds) * 1_000_000_000n + BigInt(nanos),
      pax: new Map(Object.entries((entry["pax"] as Record<string, string> | undefined) ?? {})),
    };
  });
  return { entries, error: listing.error };
}

function unquoteGo(quoted: string): string {
  return JSON.parse(quoted.replace(/\\x([0-9a-f]{2})/g, "\\u00$1")) as string;
}

/** Valid archives of every dialect to start from. */
function seedTars(directory: string): readonly Uint8Array[] {
  const tree = join(directory, "tree");
  execFileSync("sh", ["-euc", SEED_TREE], { env: { ...process.env, TREE: tree } });
  const pack = (format: string, ...files: string[]): Buffer =>
    execFileSync("tar", ["-C", tree, `--format=${format}`, "-cf", "-", ...files]);
  const made = ["gnu", "oldgnu", "pax"].map((format) => pack(format, "."));
  const short = ["v7", "ustar"].map((format) => pack(format, "a", "link", "hard", "sub/b", "sub/deep"));
  const corpus = existsSync(CORPUS) ? readdirSync(CORPUS).filter((file) => file.endsWith(".tar")) : [];
  return [...made, ...short, ...corpus.map((file) => readFileSync(join(CORPUS, file)))];
}

const SEED_TREE = `
mkdir -p "$TREE/sub/deep"
cd "$TREE"
echo one > a
ln a hard
ln -s a link
printf %0600d 7 > sub/b
: > "sub/$(printf %0120d 1)"
ln -s "$(printf %0150d 2)" sub/longlink
mkdir -p "sub/$(printf %090d 3)/$(printf %090d 4)"
echo deep > "sub/$(printf %090d 3)/$(printf %090d 4)/file"
mkfifo sub/pipe
touch -d @4000000000.25 sub/later
printf 'caf\\351' > "sub/$(printf 'caf\\351')"
`;
