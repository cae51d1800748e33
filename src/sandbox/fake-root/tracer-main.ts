import { spawn } from "node:child_process";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AppError } from "../../base/errors.ts";
import { loadSyscalls } from "../../sys/load-syscalls.ts";
import { filterBytes } from "../../sys/trace/call-filter.ts";
import { openKernel } from "../../sys/trace/kernel.ts";
import type { Kernel } from "../../sys/trace/kernel.ts";
import type { Reach } from "../../sys/trace/landlock.ts";
import { AREA_BYTES, openTracing } from "../../sys/trace/tracing.ts";
import type { Tracing } from "../../sys/trace/tracing.ts";
import { ELF_MACHINES } from "../../verify/elf-machines.ts";
import { searchPath } from "../proot/exec-calls.ts";
import { guestPaths } from "../proot/guest-paths.ts";
import { shortLinks } from "../proot/short-links.ts";
import type { Context } from "./context.ts";
import { credentialsOf } from "./credentials.ts";
import { openFiles } from "./files.ts";
import { ownerBook } from "./owner-book.ts";
import { AT_FDCWD } from "./places.ts";
import { ANSWER_FILE, REQUEST_FILE, START_FILE } from "./request.ts";
import type { GuestRequest, StartRequest, TraceAnswer, TraceRequest } from "./request.ts";
import { ThreadTable } from "./threads.ts";
import type { Tracee } from "./tracee.ts";
import { trace } from "./tracer.ts";
import { byNumber, guestFilter, guestHandlers } from "./watched-calls.ts";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const PR_SET_DUMPABLE = 4;
const PR_SET_CHILD_SUBREAPER = 36;

/** Runs one program and all that it starts. */
function main(directory: string): void {
  const parent = process.ppid;
  const request = JSON.parse(readFileSync(`${directory}/${REQUEST_FILE}`, "utf8")) as TraceRequest;
  const launcher = startLauncher(directory);
  const kernel = openKernel(AREA_BYTES);
  guardSelf(kernel);
  // It may have died before.
  if (process.ppid !== parent) return;
  const tracing = openTracing(kernel);
  const threads = new ThreadTable();
  const context = contextOf(request.guest, tracing, threads);
  const first = firstOf(request, launcher.pid);
  threads.add(first);
  writeStart(directory, request, context, first);
  const seized = tracing.seize(first.pid);
  if (seized < 0) throw new AppError("SANDBOX_UNAVAILABLE", `ptrace(PTRACE_SEIZE) failed with errno ${-seized}`);
  const handlers = byNumber(handlersOf(request.guest, threads, `${directory}/s`), kernel.machine);
  writeSync(launcher.gate, "x");
  const answer: TraceAnswer = { end: trace({ context, threads, handlers, first }) };
  writeFileSync(`${directory}/${ANSWER_FILE}`, JSON.stringify(answer), { mode: 0o600 });
  process.exit(0);
}

/** Programs of the same user could read our memory otherwise, orphans would be nobody's, and we might outlive our parent. */
function guardSelf(kernel: Kernel): void {
  const { prctl } = kernel.machine.calls;
  kernel.call(prctl, PR_SET_DUMPABLE, 0);
  kernel.call(prctl, PR_SET_CHILD_SUBREAPER, 1);
  kernel.call(prctl, PR_SET_PDEATHSIG, SIGKILL);
}

function startLauncher(directory: string): { readonly pid: number; readonly gate: number } {
  const program = fileURLToPath(
    new URL(import.meta.url.endsWith(".ts") ? "./launcher.ts" : "../launcher/main.js", import.meta.url),
  );
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, directory], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    detached: true,
    env: { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
  });
  const gate = (child.stdio[3] as unknown as { readonly _handle?: { readonly fd: number } })._handle?.fd;
  if (child.pid === undefined || gate === undefined)
    throw new AppError("SANDBOX_UNAVAILABLE", `${process.execPath} could not be started`);
  return { pid: child.pid, gate };
}

function contextOf(guest: GuestRequest, tracing: Tracing, threads: ThreadTable): Context {
  const files = openFiles(tracing.kernel);
  const { root, bindings } = guest;
  const places = guestPaths({ root, bindings, files, tracees: threads.live });
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return {
    tracing,
    files,
    places,
    book: ownerBook(tracing.kernel, loadSyscalls()),
    own: { uid, gid },
    tracees: threads.live,
  };
}

function firstOf({ uid, gid, groups }: TraceRequest, pid: number): Tracee {
  return { tid: pid, pid, credentials: credentialsOf(uid, gid, groups), space: {}, program: "" };
}

function writeStart(
  directory: string,
  { argv, env, cwd, cgroups, guest, filter }: TraceRequest,
  context: Context,
  first: Tracee,
): void {
  const place = context.places.find(first, AT_FDCWD, cwd, true);
  const path = env.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? "/usr/bin:/bin";
  const [command = "", ...rest] = argv;
  const traced = filterBytes(guestFilter(), context.tracing.kernel.machine);
  const start: StartRequest = {
    argv: [searchPath(context, first, command, path), ...rest],
    env: Object.fromEntries(env.map(splitVariable)),
    directory: typeof place === "object" ? place.host : cwd,
    filters: [...(filter === undefined ? [] : [filter]), traced.toString("base64")],
    reach: reachOf(guest),
    cgroups,
  };
  writeFileSync(`${directory}/${START_FILE}`, JSON.stringify(start), { mode: 0o600 });
}

/** What a guest is made of. The programs get no further even where they should get round the tracer. */
function reachOf({ root, bindings, emulators }: GuestRequest): readonly Reach[] {
  return [
    { path: root, readOnly: false },
    ...bindings.map(({ host, readOnly }) => ({ path: host, readOnly })),
    ...Object.values(emulators).map((path) => ({ path, readOnly: true })),
  ];
}

function splitVariable(variable: string): [string, string] {
  const equals = variable.indexOf("=");
  return equals < 0 ? [variable, ""] : [variable.slice(0, equals), variable.slice(equals + 1)];
}

function handlersOf(guest: GuestRequest, threads: ThreadTable, links: string): ReturnType<typeof guestHandlers> {
  const emulators = new Map(
    ELF_MACHINES.flatMap(({ name, machine }) => {
      const path = guest.emulators[name];
      return path === undefined ? [] : [[machine, path] as const];
    }),
  );
  return guestHandlers({ emulators, everTraced: threads.ever, links: shortLinks(links) });
}

main(process.argv[2] ?? "");
