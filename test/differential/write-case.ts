import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join } from "node:path";
import { runTool } from "../bed/process.ts";
import type { Case, CaseFile } from "./case.ts";
import { rawTar } from "./raw-tar.ts";

/** When every file of a context was changed last, in seconds: peers keep it, so it can be compared. */
const CONTEXT_TIME = 1_600_000_000;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes the case's files below `directory`, as root, all to belong to `owner`. `nanoseconds` are added to
 * all times: BuildKit takes a file of the size and time that it had in an earlier build for the same.
 */
export function writeCase(one: Case, directory: string, owner: Owner, nanoseconds: number): void {
  const fraction = String(nanoseconds).padStart(9, "0");
  for (const [archive, files] of archivesOf(one.files)) {
    const inside = mkdtempSync(`${directory}.archive-`);
    writeFiles(files, inside, undefined, fraction);
    pack(inside, ensureParent(directory, archive));
    rmSync(inside, { recursive: true });
  }
  writeFiles(
    one.files.filter(({ path }) => !path.includes("!/")),
    directory,
    owner,
    fraction,
  );
}

function archivesOf(files: readonly CaseFile[]): ReadonlyMap<string, readonly CaseFile[]> {
  const archives = new Map<string, CaseFile[]>();
  for (const file of files) {
    const [archive = "", path] = file.path.split("!/");
    if (path === undefined) continue;
    archives.set(archive, [...(archives.get(archive) ?? []), { ...file, path }]);
  }
  return archives;
}

function writeFiles(files: readonly CaseFile[], directory: string, owner: Owner | undefined, fraction: string): void {
  for (const file of files) writeFile(file, ensureParent(directory, file.path), directory);
  runTool("find", [directory, "-mindepth", "1", "-type", "d", "-exec", "chmod", "755", "{}", "+"]);
  if (owner !== undefined) runTool("chown", ["-hR", `${owner.uid}:${owner.gid}`, directory]);
  for (const file of files) setAttributes(file, join(directory, file.path));
  runTool("find", [directory, "-depth", "-exec", "touch", "-hd", `@${CONTEXT_TIME}.${fraction}`, "{}", "+"]);
  for (const { path, mtime } of files) {
    if (mtime !== undefined) runTool("touch", ["-hd", `@${mtime}.${fraction}`, join(directory, path)]);
  }
}

function writeFile(file: CaseFile, place: string, directory: string): void {
  switch (file.kind) {
    case "symlink":
      return symlinkSync(file.target, place);
    case "hardlink":
      return linkSync(join(directory, file.target), place);
    case "fifo":
      return void runTool("mkfifo", [place]);
    case "socket":
      return void runTool("perl", [
        "-MIO::Socket::UNIX",
        "-e",
        "IO::Socket::UNIX->new(Local=>$ARGV[0],Listen=>1)",
        place,
      ]);
    case "members":
      return writeFileSync(place, rawTar(file.content));
    case "part":
      return writeFileSync(place, readFileSync(join(directory, file.of)).subarray(0, file.bytes));
    case "file":
      if (!file.path.endsWith("/")) writeFileSync(place, file.content);
      else if (!existsSync(place)) mkdirSync(place);
  }
}

/** Changing the owner takes setuid bits and capabilities away, so they come last. */
function setAttributes(file: CaseFile, place: string): void {
  if (file.owner !== undefined) {
    const [uid = "0", gid = "0"] = file.owner.split(":");
    if (file.kind === "symlink") runTool("chown", ["-h", file.owner, place]);
    else chownSync(place, Number(uid), Number(gid));
  }
  if (file.kind === "symlink" || file.kind === "hardlink") return;
  const mode = file.mode ?? (file.path.endsWith("/") ? "755" : "644");
  chmodSync(place, Number.parseInt(mode, 8));
  for (const xattr of file.xattrs) {
    const [name = "", value = ""] = xattr.split(/=(.*)/s);
    runTool("setfattr", ["-n", name, "-v", value, place]);
  }
}

const COMPRESSORS: Readonly<Record<string, string>> = {
  ".gz": "gzip -n",
  ".tgz": "gzip -n",
  ".bz2": "bzip2",
  ".xz": "xz",
  ".zst": "zstd",
};

function pack(directory: string, archive: string): void {
  const compressor = COMPRESSORS[extname(archive)];
  const format = ["--format=pax", "--pax-option=delete=atime,delete=ctime", "--xattrs", "--xattrs-include=*"];
  const what = [
    "--sort=name",
    "--numeric-owner",
    ...(compressor === undefined ? [] : [`--use-compress-program=${compressor}`]),
  ];
  const script = 'archive=$1; shift; cd "$1" && shift && ls -A | sort | tar "$@" -cf "$archive" -T -';
  runTool("sh", ["-c", script, "sh", archive, directory, ...format, ...what], { env: { ...process.env, LC_ALL: "C" } });
}

function ensureParent(directory: string, path: string): string {
  const place = join(directory, path);
  mkdirSync(dirname(place), { recursive: true });
  return place;
}
