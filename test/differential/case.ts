import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { AppError } from "../../src/base/errors.ts";

/** One Dockerfile with its context, how to build it, and what is known to differ. */
export interface Case {
  readonly group: string;
  readonly title: string;
  readonly buildArgs: readonly string[];
  readonly labels: readonly string[];
  readonly secrets: readonly string[];
  /** `NAME=DIRECTORY` (of the case's files) or `NAME=docker-image://IMAGE`. */
  readonly contexts: readonly string[];
  readonly target: string | undefined;
  readonly platform: string | undefined;
  /** Where the Dockerfile is in the context. */
  readonly dockerfile: string | undefined;
  /** `NAME:ADDRESS` */
  readonly hosts: readonly string[];
  /** `NAME=SOFT:HARD` */
  readonly ulimits: readonly string[];
  /** Name of an error kind: the build has to fail with it. */
  readonly fails: string | undefined;
  readonly differs: readonly AcceptedDifference[];
  readonly files: readonly CaseFile[];
}

export type PeerName = "buildkit" | "buildah";

/**
 * `differs: PEER ID KEY`: what is accepted here, under an id that docs/compatibility.md explains. `may-differ` is
 * of what a peer does in one place and not in another, and need not be found.
 */
export interface AcceptedDifference {
  readonly always: boolean;
  readonly peer: PeerName;
  readonly id: string;
  /** Of the difference; `*` stands for anything. */
  readonly key: string;
}

export type CaseFile = {
  /** A trailing slash makes a directory; `ARCHIVE!/PATH` is a file inside of an archive. */
  readonly path: string;
  readonly mode: string | undefined;
  /** `UID:GID`, in archives only. */
  readonly owner: string | undefined;
  /** Seconds since the epoch. */
  readonly mtime: string | undefined;
  /** `NAME=VALUE` */
  readonly xattrs: readonly string[];
} & (
  | { readonly kind: "file"; readonly content: string }
  | { readonly kind: "symlink" | "hardlink"; readonly target: string }
  | { readonly kind: "fifo" | "socket" }
  /** An archive by its members, see raw-tar.ts. */
  | { readonly kind: "members"; readonly content: string }
  /** The first bytes of an archive of the case. */
  | { readonly kind: "part"; readonly of: string; readonly bytes: number }
);

/** Every case of every file of a directory. cases/README.md tells how they are written. */
export function readCases(directory: string): readonly Case[] {
  const files = readdirSync(directory).filter((name) => name.endsWith(".txt"));
  return files
    .toSorted()
    .flatMap((name) => parseCases(basename(name, ".txt"), readFileSync(join(directory, name), "utf8")));
}

export function parseCases(group: string, text: string): readonly Case[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => parseCase(group, part));
}

function parseCase(group: string, text: string): Case {
  const [head = "", ...files] = text.split(/^--- /m);
  const [title = "", ...lines] = head.trimEnd().split("\n");
  const options = lines.filter((line) => line.trim() !== "" && !line.startsWith("#")).map(parseOption);
  const all = (name: string): readonly string[] => options.flatMap((one) => (one.name === name ? [one.value] : []));
  const unknown = options.find(({ name }) => !OPTIONS.has(name));
  if (unknown !== undefined) throw malformed(`${group}, ${title}: unknown option ${unknown.name}`);
  return {
    group,
    title,
    buildArgs: all("build-arg"),
    labels: all("label"),
    secrets: all("secret"),
    contexts: all("build-context"),
    target: all("target")[0],
    platform: all("platform")[0],
    dockerfile: all("dockerfile")[0],
    hosts: all("add-host"),
    ulimits: all("ulimit"),
    fails: all("fails")[0],
    differs: [
      ...all("differs").map((value) => parseDifference(value, true)),
      ...all("may-differ").map((value) => parseDifference(value, false)),
    ],
    files: files.map(parseFile),
  };
}

const FLAGS = [
  "build-arg",
  "label",
  "secret",
  "build-context",
  "target",
  "platform",
  "dockerfile",
  "add-host",
  "ulimit",
];
const OPTIONS = new Set([...FLAGS, "fails", "differs", "may-differ"]);

function parseOption(line: string): { readonly name: string; readonly value: string } {
  const [, name = "", value = ""] = /^([a-z-]+):\s*(.*)$/.exec(line) ?? [];
  if (name === "") throw malformed(`neither an option nor a comment: ${line}`);
  return { name, value };
}

function parseDifference(value: string, always: boolean): AcceptedDifference {
  const [, peer, id = "", key = ""] = /^(\S+) (\S+) (.+)$/.exec(value) ?? [];
  if (peer !== "buildkit" && peer !== "buildah") throw malformed(`differs: expected PEER ID KEY, found ${value}`);
  return { always, peer, id, key };
}

const HEAD =
  /^("[^"]+"|\S+)(?: +(-> (?<symlink>.+)|= (?<hardlink>\S+)|(?<other>fifo|socket|members)|< (?<bytes>\d+) bytes of (?<whole>\S+)))?(?<attributes>(?: +\S+)*)$/;

function parseFile(text: string): CaseFile {
  const end = text.indexOf("\n");
  const groups = HEAD.exec(text.slice(0, end).trimEnd());
  if (groups === null) throw malformed(`no file: ${text.slice(0, end)}`);
  const path = (groups[1] ?? "").replace(/^"|"$/g, "");
  const { symlink, hardlink, other, bytes, whole, attributes = "" } = groups.groups ?? {};
  const base = { path, ...parseAttributes(attributes.trim().split(/ +/).filter(Boolean)) };
  if (symlink !== undefined) return { ...base, kind: "symlink", target: symlink };
  if (hardlink !== undefined) return { ...base, kind: "hardlink", target: hardlink };
  if (other === "fifo" || other === "socket") return { ...base, kind: other };
  if (other === "members") return { ...base, kind: other, content: text.slice(end + 1) };
  if (whole !== undefined) return { ...base, kind: "part", of: whole, bytes: Number(bytes) };
  return { ...base, kind: "file", content: text.slice(end + 1) };
}

function parseAttributes(words: readonly string[]): Pick<CaseFile, "mode" | "owner" | "mtime" | "xattrs"> {
  const find = (pattern: RegExp): string | undefined => words.map((word) => pattern.exec(word)?.[1]).find(Boolean);
  return {
    mode: find(/^([0-7]{3,4})$/),
    owner: find(/^(\d+:\d+)$/),
    mtime: find(/^mtime=(\d+)$/),
    xattrs: words.flatMap((word) => (word.startsWith("xattr:") ? [word.slice("xattr:".length)] : [])),
  };
}

function malformed(message: string): AppError {
  return new AppError("CASE_MALFORMED", message);
}
