import { readFileSync } from "node:fs";
import { fsPath } from "../../sys/bytes-path.ts";
import { getLong } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { describe, hasEmptyPath, int, lookAt, placeOf, word } from "../fake-root/context.ts";
import type { Call, Context, Handler } from "../fake-root/context.ts";
import { become } from "../fake-root/credentials.ts";
import type { Credentials } from "../fake-root/credentials.ts";
import type { FakeOwner } from "../fake-root/owner-book.ts";
import { AT_FDCWD, ERRNO, FILE_TYPE } from "../fake-root/places.ts";
import type { Place } from "../fake-root/places.ts";
import type { Outcome, Tracee } from "../fake-root/tracee.ts";
import { mayAccess } from "./path-calls.ts";
import { readProgram } from "./program-file.ts";
import type { ShortLinks } from "./short-links.ts";

const MAX_INTERPRETERS = 5;
const MAX_ARGUMENTS = 200_000;
const E2BIG = 7;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const ANY_EXECUTE = 0o111;

/** User-mode emulators by the machine of the ELF files that they run; paths of the machine's, statically linked. */
export type Emulators = ReadonlyMap<number, string>;

/** An argument: a pointer of the program's, or a new text. */
type Argument = number | string;

/** What the kernel is to be given instead. */
interface Start {
  readonly host: string;
  readonly program: string;
  readonly argv: readonly Argument[];
}

/** execve(2): the kernel would look for interpreters and dynamic loaders where the guest has none, so it is given them. */
export function execCalls(emulators: Emulators, links: ShortLinks): Readonly<Record<"execve" | "execveat", Handler>> {
  return {
    execve: (call) => execute(call, { path: 0, argv: 1 }, emulators, links),
    execveat: (call) => execute(call, { at: 0, path: 1, argv: 2, flags: 4 }, emulators, links),
  };
}

interface Arguments {
  readonly at?: number;
  readonly path: number;
  readonly argv: number;
  readonly flags?: number;
}

function execute(call: Call, { at, path, argv, flags }: Arguments, emulators: Emulators, links: ShortLinks): Outcome {
  const place = placeToRun(call, path, at, flags === undefined ? 0 : int(call, flags));
  if (typeof place !== "object") return place;
  const given = readPointers(call, word(call, argv));
  if (typeof given === "number") return given;
  const text = call.context.tracing.readText(call.tracee.tid, word(call, path));
  const name = typeof text === "string" && text !== "" ? text : place.guest;
  const start = startOf(call, place, [name, given], emulators);
  if (typeof start === "number") return start;
  call.tracee.next = { program: start.program, credentials: rightsOf(call, place) };
  return {
    // Its last part is what ps and pgrep call it.
    texts: [[path, baseOf(start.host) === baseOf(name) ? start.host : links.called(baseOf(name), start.host)]],
    vectors: [[argv, start.argv]],
    ...(flags !== undefined && { values: [[flags, 0]] }),
  };
}

function placeToRun(call: Call, path: number, at: number | undefined, flags: number): Place | number {
  const place = placeOf(call, path, { at, follow: true, emptyIsDescriptor: hasEmptyPath(flags) });
  if (typeof place !== "object" || !place.throughLink) return place;
  const host = call.context.files.readLink(place.host);
  const guest = typeof host === "string" ? call.context.places.guestName(host) : undefined;
  return guest === undefined ? -ERRNO.ENOEXEC : call.context.places.find(call.tracee, AT_FDCWD, guest, true);
}

function startOf(
  call: Call,
  place: Place,
  [path, given]: readonly [string, readonly number[]],
  emulators: Emulators,
): Start | number {
  let file = place;
  let name = path;
  let argv: readonly Argument[] = given;
  for (let depth = 0; depth < MAX_INTERPRETERS; depth++) {
    const refused = whyNotRun(call, file);
    if (refused < 0) return refused;
    const program = readProgram(file.host, call.context.tracing.kernel.machine.elf);
    if (typeof program === "number") return program;
    switch (program.kind) {
      case "script": {
        argv = [program.interpreter, ...program.argument, name, ...argv.slice(1)];
        name = program.interpreter;
        const next = call.context.places.find(call.tracee, AT_FDCWD, name, true);
        if (typeof next === "number") return next;
        file = next;
        break;
      }
      case "static":
        return { host: file.host, program: file.guest, argv };
      case "dynamic":
        return withLoader(call, file, program.loader, name, argv);
      case "foreign": {
        const emulator = emulators.get(program.machine);
        if (emulator === undefined) return -ERRNO.ENOEXEC;
        return {
          host: emulator,
          program: file.guest,
          argv: [emulator, "-0", argv[0] ?? name, file.guest, ...argv.slice(1)],
        };
      }
      case "unknown":
        return -ERRNO.ENOEXEC;
    }
  }
  return -ERRNO.ELOOP;
}

/** The loader is a program, too: it takes the name of another one, and what that one is to be called. */
function withLoader(call: Call, file: Place, loader: string, name: string, argv: readonly Argument[]): Start | number {
  const place = call.context.places.find(call.tracee, AT_FDCWD, loader, true);
  if (typeof place === "number") return place;
  const refused = whyNotRun(call, place);
  if (refused < 0) return refused;
  const takesName = namesArgument(place.host);
  const front: readonly Argument[] = takesName
    ? [loader, "--argv0", argv[0] ?? name, file.guest]
    : [loader, name.startsWith("/") ? name : file.guest];
  return { host: place.host, program: file.guest, argv: [...front, ...argv.slice(1)] };
}

const loaders = new Map<string, boolean>();

/** Whether a loader has the option for the first argument: glibc since 2.33, musl since 1.2. */
function namesArgument(host: string): boolean {
  const known = loaders.get(host) ?? loaderKnows(host);
  loaders.set(host, known);
  return known;
}

function loaderKnows(host: string): boolean {
  return readFileSync(fsPath(host)).includes("argv0");
}

function whyNotRun({ context, tracee }: Call, place: Place): number {
  if (place.mode === undefined) return -ERRNO.ENOENT;
  const state = lookAt(context, place);
  if (typeof state === "number") return state;
  const file = describe(context, place, state);
  const isFile = (file.mode & FILE_TYPE.mask) === FILE_TYPE.regular;
  const { uid, gid } = tracee.credentials;
  const allowed = mayAccess(file, 1, { uid: uid.file, gid: gid.file }, tracee.credentials);
  return isFile && allowed && (file.mode & ANY_EXECUTE) !== 0 ? 0 : -ERRNO.EACCES;
}

/** Whose rights a program runs with: those of its file's owner where the file is setuid. */
function rightsOf({ context, tracee }: Call, place: Place): Credentials {
  const credentials = { ...tracee.credentials, kept: undefined };
  const state = lookAt(context, place);
  if (typeof state === "number") return credentials;
  const file = describe(context, place, state);
  return privileged(file, credentials);
}

function privileged(file: FakeOwner, credentials: Credentials): Credentials {
  if ((file.mode & (S_ISUID | S_ISGID)) === 0) return credentials;
  return {
    ...credentials,
    uid: (file.mode & S_ISUID) === 0 ? credentials.uid : become(credentials.uid, file.uid),
    gid: (file.mode & S_ISGID) === 0 ? credentials.gid : become(credentials.gid, file.gid),
  };
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function readPointers({ tracee, context }: Call, address: number): readonly number[] | number {
  const pointers: number[] = [];
  if (address === 0) return pointers;
  const { memory } = context.tracing.kernel;
  while (pointers.length < MAX_ARGUMENTS) {
    const at = address + pointers.length * 8;
    const got = context.tracing.read(tracee.tid, at, 4096 - (at % 4096));
    if (got < 8) return -ERRNO.EFAULT;
    for (let offset = 0; offset + 8 <= got; offset += 8) {
      const pointer = getLong(memory, AREAS.data + offset);
      if (pointer === 0) return pointers;
      pointers.push(pointer);
    }
  }
  return -E2BIG;
}

/** Of a command without a slash, in the guest. */
export function searchPath(context: Context, tracee: Tracee, name: string, path: string): string {
  if (name.includes("/")) return name;
  for (const directory of path.split(":")) {
    const candidate = `${directory === "" ? "." : directory}/${name}`;
    const place = context.places.find(tracee, AT_FDCWD, candidate, true);
    if (typeof place === "object" && place.mode !== undefined && (place.mode & ANY_EXECUTE) !== 0) return candidate;
  }
  return name;
}
