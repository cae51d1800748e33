import { posix } from "node:path";
import type { CopyStep, ImageStep, MakeDirectoryStep } from "./types.ts";

/** What a base says of itself, as far as it is needed here. */
export type BaseAccount = Pick<ImageStep, "history" | "mentions"> & { readonly layers: { readonly length: number } };

/** Whether a file operation has to read the base: for names of users, and for what may be on the way to its destination. */
export function readsBase(step: CopyStep | MakeDirectoryStep, base: BaseAccount): boolean {
  if (step.kind === "copy" && step.link === true) return false;
  if (step.owner !== undefined && !/^\d+(:\d+)?$/.test(step.owner)) return true;
  return !isClearOfBase(step.kind === "copy" ? step.destination : step.path, base);
}

/**
 * Whether a file can be copied onto a base image without reading the base.
 *
 * A COPY depends on the file system below it: a parent of the destination may be a symlink there
 * (`/bin -> usr/bin`), or the destination itself a directory that the file must go into. To know, one
 * must read the base's layers. That costs a download which a push does not need, as the registry has
 * those layers, so it is saved where the answer is known anyway: the destination lies outside the
 * directories that distributions own, the base's account of how it was made is complete and tells what
 * each command can have made, and neither it nor the config names the directory. In doubt the base is
 * read (its headers only, never extracted).
 */
export function isClearOfBase(destination: string, { history, mentions, layers }: BaseAccount): boolean {
  const first = destination.split("/").find((part) => part !== "");
  if (first === undefined) return false;
  if (DISTRIBUTION_DIRECTORIES.has(first)) return false;
  if (history.length !== layers.length) return false;
  if (!history.every((line, index) => isAccountable(line, index === 0))) return false;
  return ![...history, ...mentions].some((line) => names(line, first));
}

/** Top-level names of the file system hierarchy standard and of merged-usr systems. */
const DISTRIBUTION_DIRECTORIES: ReadonlySet<string> = new Set([
  "bin",
  "boot",
  "busybox",
  "dev",
  "etc",
  "home",
  "lib",
  "lib32",
  "lib64",
  "libx32",
  "media",
  "mnt",
  "opt",
  "proc",
  "root",
  "run",
  "sbin",
  "snap",
  "srv",
  "sys",
  "tmp",
  "usr",
  "var",
  "nix",
  "gnu",
  "data",
  "go",
  "workspace",
]);

/** Distributions are made by these: debuerreotype (and whoever writes a comment), Bazel's distroless, busybox. */
const DISTRIBUTION = /^(?:# |bazel build |BusyBox )/;

/** Commands that make nothing at the root which they do not name. A script or an archive may make anything. */
const KNOWN_COMMANDS: ReadonlySet<string> = new Set([
  "addgroup",
  "adduser",
  "apk",
  "apt",
  "apt-get",
  "chmod",
  "chown",
  "dnf",
  "echo",
  "export",
  "groupadd",
  "ldconfig",
  "ln",
  "microdnf",
  "mkdir",
  "rm",
  "set",
  "touch",
  "true",
  "update-ca-certificates",
  "useradd",
  "yum",
]);

/** Whether the line of a layer tells which names at the root the layer can have. */
function isAccountable(line: string, isFirst: boolean): boolean {
  const text = line.replace(/\s*# buildkit$/, "").trim();
  const instruction = /^(?:\/bin\/sh -c #\(nop\)\s+)?(ADD|COPY|WORKDIR)\s+(.*)$/.exec(text);
  if (instruction !== null) {
    if (instruction[1] === "WORKDIR" || !landsInRoot(instruction[2] ?? "")) return true;
    // The archive that a distribution begins with holds the directories above; a tree copied later may hold anything.
    return (
      isFirst && instruction[1] === "ADD" && /^(?:file:[0-9a-f]+ in |\S+\.tar(?:\.\w+)? )/.test(instruction[2] ?? "")
    );
  }
  const command = /^(?:RUN )?(?:\|\d+ .*? )?\/bin\/sh -c (.*)$/s.exec(text)?.[1] ?? /^RUN (?!\|)(.*)$/s.exec(text)?.[1];
  return command === undefined ? DISTRIBUTION.test(text) : runsKnownCommands(command);
}

/** A relative destination is taken to be below the root: the working directory may be it. */
function landsInRoot(words: string): boolean {
  const destination = words.split(/\s+/).at(-1) ?? "";
  return posix.join("/", destination) === "/";
}

function runsKnownCommands(script: string): boolean {
  if (/[`(<]|\$\(/.test(script)) return false;
  const commands = script.split(/&&|\|\||[;|&\n]/).map((part) => part.replaceAll("\\", " ").trim());
  return commands.every((command) => command === "" || KNOWN_COMMANDS.has(command.split(/\s+/)[0] ?? ""));
}

/** The line has `name` where a path can have it: as a whole component. */
function names(line: string, name: string): boolean {
  return new RegExp(`(^|[\\s"'=:,/\\[])${escapeRegExp(name)}($|[\\s"'/:;,&|\\]])`).test(line);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
