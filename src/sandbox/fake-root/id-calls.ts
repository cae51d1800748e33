import { AREAS } from "../../sys/trace/tracing.ts";
import { give, int, readInts, word } from "./context.ts";
import type { Call, Handler } from "./context.ts";
import { isRoot, setAll, setFile, setId, setRealEffective } from "./credentials.ts";
import type { Credentials, Ids } from "./credentials.ts";
import { ERRNO } from "./places.ts";

const MAX_GROUPS = 65536;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_CAP_AMBIENT = 47;
const CAPABILITY_VERSIONS: ReadonlyMap<number, number> = new Map([
  [0x19980330, 1],
  [0x20071026, 2],
  [0x20080522, 2],
]);
/** CAP_CHOWN to CAP_CHECKPOINT_RESTORE. */
const ALL_CAPABILITIES: readonly number[] = [0xffff_ffff, 0x1ff];

/** What threads believe to be: read and set as the kernel would for root and for others. */
export const ID_CALLS = {
  getuid: ({ tracee }) => tracee.credentials.uid.real,
  geteuid: ({ tracee }) => tracee.credentials.uid.effective,
  getgid: ({ tracee }) => tracee.credentials.gid.real,
  getegid: ({ tracee }) => tracee.credentials.gid.effective,
  getresuid: (call) => giveIds(call, call.tracee.credentials.uid),
  getresgid: (call) => giveIds(call, call.tracee.credentials.gid),
  getgroups: (call) => getGroups(call),
  setuid: (call) => change(call, "uid", (ids, root) => setId(ids, int(call, 0), root)),
  setgid: (call) => change(call, "gid", (ids, root) => setId(ids, int(call, 0), root)),
  setreuid: (call) => change(call, "uid", (ids, root) => setRealEffective(ids, int(call, 0), int(call, 1), root)),
  setregid: (call) => change(call, "gid", (ids, root) => setRealEffective(ids, int(call, 0), int(call, 1), root)),
  setresuid: (call) =>
    change(call, "uid", (ids, root) => setAll(ids, [int(call, 0), int(call, 1), int(call, 2)], root)),
  setresgid: (call) =>
    change(call, "gid", (ids, root) => setAll(ids, [int(call, 0), int(call, 1), int(call, 2)], root)),
  setfsuid: (call) => changeFile(call, "uid"),
  setfsgid: (call) => changeFile(call, "gid"),
  setgroups: (call) => setGroups(call),
  capget: (call) => getCapabilities(call),
  capset: (call) => setCapabilities(call),
  prctl: (call) => processControl(call),
} as const satisfies Readonly<Record<string, Handler>>;

type Kind = "uid" | "gid";

function change({ tracee }: Call, kind: Kind, set: (ids: Ids, root: boolean) => Ids | number): number {
  const { credentials } = tracee;
  const next = set(credentials[kind], isRoot(credentials));
  if (typeof next === "number") return next;
  tracee.credentials = { ...credentials, [kind]: next };
  return 0;
}

/** Answers the id that was, whatever becomes of it. */
function changeFile(call: Call, kind: Kind): number {
  const { tracee } = call;
  const before = tracee.credentials[kind];
  const next = setFile(before, int(call, 0), isRoot(tracee.credentials));
  tracee.credentials = { ...tracee.credentials, [kind]: next };
  return before.file;
}

function giveIds(call: Call, { real, effective, saved }: Ids): number {
  for (const [index, id] of [real, effective, saved].entries()) {
    call.context.tracing.kernel.memory.writeUInt32LE(id, AREAS.data);
    const result = give(call, word(call, index), AREAS.data, 4, 0);
    if (result < 0) return result;
  }
  return 0;
}

function getGroups(call: Call): number {
  const { groups } = call.tracee.credentials;
  const room = int(call, 0);
  if (room === 0) return groups.length;
  if (room < groups.length) return -ERRNO.EINVAL;
  if (groups.length === 0) return 0;
  const { memory } = call.context.tracing.kernel;
  for (const [index, group] of groups.entries()) memory.writeUInt32LE(group, AREAS.data + index * 4);
  return give(call, word(call, 1), AREAS.data, groups.length * 4, groups.length);
}

function setGroups(call: Call): number {
  const { tracee } = call;
  const count = int(call, 0);
  if (!isRoot(tracee.credentials)) return -ERRNO.EPERM;
  if (count < 0 || count > MAX_GROUPS) return -ERRNO.EINVAL;
  const groups = readInts(call, word(call, 1), count);
  if (typeof groups === "number") return groups;
  tracee.credentials = { ...tracee.credentials, groups };
  return 0;
}

/** Root has all of them, as long as nobody looks closer. */
function getCapabilities(call: Call): number | "native" {
  if (!isRoot(call.tracee.credentials)) return "native";
  const header = readInts(call, word(call, 0), 2);
  if (typeof header === "number") return header;
  const sets = CAPABILITY_VERSIONS.get(header[0] ?? 0);
  if (sets === undefined || word(call, 1) === 0) return "native";
  const { memory } = call.context.tracing.kernel;
  for (let set = 0; set < sets; set++) {
    const [at, value] = [AREAS.data + set * 12, ALL_CAPABILITIES[set] ?? 0];
    memory.writeUInt32LE(value, at);
    memory.writeUInt32LE(value, at + 4);
    memory.writeUInt32LE(0, at + 8);
  }
  return give(call, word(call, 1), AREAS.data, sets * 12, 0);
}

function setCapabilities({ tracee }: Call): number | "native" {
  const { credentials } = tracee;
  if (!isRoot(credentials) && credentials.kept === undefined) return "native";
  if (credentials.kept !== undefined) tracee.credentials = { ...credentials, kept: "inForce" };
  return 0;
}

function processControl(call: Call): number | "native" {
  switch (int(call, 0)) {
    case PR_CAPBSET_DROP:
    case PR_SET_SECUREBITS:
    case PR_CAP_AMBIENT:
      return isRoot(call.tracee.credentials) ? 0 : "native";
    case PR_SET_KEEPCAPS:
      return keepCapabilities(call, word(call, 1) !== 0);
    // Its memory would be closed to the tracer, too.
    case PR_SET_DUMPABLE:
      return 0;
    default:
      return "native";
  }
}

function keepCapabilities({ tracee }: Call, keep: boolean): "native" {
  const { credentials } = tracee;
  if (isRoot(credentials)) tracee.credentials = { ...credentials, kept: keep ? "idle" : undefined };
  return "native";
}

export function fileIds({ uid, gid }: Credentials): { readonly uid: number; readonly gid: number } {
  return { uid: uid.file, gid: gid.file };
}
