import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { artefactPath } from "../bed/cache.ts";
import { goToolchain, machineGoArch } from "../bed/go-toolchain.ts";
import { findProgram } from "../bed/process.ts";

/** One entry as Go's archive/tar reads it. Strings are `latin1`, as with us. */
export interface GoEntry {
  readonly name: string;
  readonly linkname: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: bigint;
  readonly devmajor: number;
  readonly devminor: number;
  readonly pax: ReadonlyMap<string, string>;
  /** Of the content. Absent where it is not known. */
  readonly sha256?: string | undefined;
}

export interface GoListing {
  readonly entries: readonly GoEntry[];
  readonly error?: string | undefined;
}

export interface GoTar {
  list(files: readonly string[]): readonly GoListing[];
  write(lines: readonly object[]): Buffer;
  remove(): void;
}

/** The machine's, or the bed's own. */
const GO = findProgram("go") ?? join(artefactPath(goToolchain(machineGoArch())), "bin/go");

export function hasGo(): boolean {
  if (existsSync(GO)) return true;
  console.warn("tests against Go's archive/tar are skipped: there is no Go (./dev setup brings one)");
  return false;
}

/** Compiles the oracle into a directory of its own. */
export function buildGoTar(): GoTar {
  const directory = mkdtempSync(join(tmpdir(), "gotar-"));
  const program = join(directory, "gotar");
  const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "" };
  execFileSync(GO, ["build", "-o", program, join(import.meta.dirname, "gotar.go")], { env });
  const run = (args: readonly string[], input?: string): Buffer =>
    execFileSync(program, args, { input: input ?? "", maxBuffer: 1 << 30 });
  return {
    list: (files) =>
      run(["list", ...files])
        .toString()
        .trimEnd()
        .split("\n")
        .map(parseListing),
    write: (lines) => run(["write"], lines.map((line) => JSON.stringify(line)).join("\n")),
    remove: () => rmSync(directory, { recursive: true }),
  };
}

function parseListing(line: string): GoListing {
  // JSON.parse rounds integers past 2^53; seconds of such a time come back as text.
  const listing = JSON.parse(line.replace(/"seconds":(-?\d+)/g, '"seconds":"$1"')) as {
    entries: (Record<string, never> & { pax: Record<string, string> })[];
    error?: string;
  };
  return { entries: listing.entries.map(parseEntry), error: listing.error };
}

function parseEntry(raw: Record<string, unknown> & { pax: Record<string, string> }): GoEntry {
  const pax = Object.entries(raw.pax).map(([key, value]) => [decode(key), decode(value)] as const);
  return {
    ...(raw as unknown as GoEntry),
    name: decode(raw["name"] as string),
    linkname: decode(raw["linkname"] as string),
    type: String.fromCharCode(raw["type"] as number),
    mtime: BigInt(raw["seconds"] as string) * 1_000_000_000n + BigInt(raw["nanos"] as number),
    pax: new Map(pax),
    sha256: (raw["sha256"] as string | undefined) ?? "unreadable",
  };
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("latin1");
}
