import { KEPT_CAPABILITY, KEPT_PREFIX } from "../../snapshot/kept-metadata.ts";
import { putText } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { ACCESS_LIST, readAccessList } from "./access-list.ts";
import { describe, give, int, lookAt, placeOf, placeOfDescriptor, word } from "./context.ts";
import type { Call, Handler } from "./context.ts";
import { isRoot } from "./credentials.ts";
import { chmod } from "./owner-calls.ts";
import { ERRNO } from "./places.ts";
import type { Place } from "./places.ts";
import type { Outcome } from "./tracee.ts";

type Found = Place | number;

/** The attribute that takes a capability to set, and is part of a layer. */
const CAPABILITY = "security.capability";
/** What is kept of a file is not the program's to see, nor to copy to others. */
const OURS = new RegExp(`${KEPT_PREFIX.replaceAll(".", "\\.")}[^\0]*\0`, "g");
const E2BIG = 7;
const SPECIAL_BITS = 0o7000;
const MAX_VALUE = 65536;

/** Extended attributes. */
export const ATTRIBUTE_CALLS = {
  getxattr: (call) => get(call, placeOf(call, 0, { follow: true })),
  lgetxattr: (call) => get(call, placeOf(call, 0, { follow: false })),
  fgetxattr: (call) => get(call, placeOfDescriptor(call, int(call, 0))),
  listxattr: (call) => list(call, placeOf(call, 0, { follow: true })),
  llistxattr: (call) => list(call, placeOf(call, 0, { follow: false })),
  flistxattr: (call) => list(call, placeOfDescriptor(call, int(call, 0))),
  setxattr: (call) => set(call, placeOf(call, 0, { follow: true })),
  lsetxattr: (call) => set(call, placeOf(call, 0, { follow: false })),
  fsetxattr: (call) => set(call, placeOfDescriptor(call, int(call, 0))),
  removexattr: (call) => remove(call, placeOf(call, 0, { follow: true })),
  lremovexattr: (call) => remove(call, placeOf(call, 0, { follow: false })),
  fremovexattr: (call) => remove(call, placeOfDescriptor(call, int(call, 0))),
} as const satisfies Readonly<Record<string, Handler>>;

function nameOf(call: Call): string | number {
  return call.context.tracing.readText(call.tracee.tid, word(call, 1));
}

function get(call: Call, place: Found): Outcome {
  if (typeof place !== "object") return place;
  const name = nameOf(call);
  if (typeof name === "number") return name;
  const { context } = call;
  const { kernel } = context.tracing;
  const room = Math.min(word(call, 3), MAX_VALUE);
  if (name.startsWith(KEPT_PREFIX)) return -ERRNO.ENODATA;
  const capability = name === CAPABILITY ? context.book.capability(place.host, place.throughLink) : undefined;
  if (capability !== undefined) return giveBytes(call, capability, room);
  const nr = place.throughLink ? kernel.machine.calls.getxattr : kernel.machine.calls.lgetxattr;
  const [path, attribute] = [putText(kernel, AREAS.path, place.host), putText(kernel, AREAS.path2, name)];
  const length = kernel.call(nr, path, attribute, room === 0 ? 0 : kernel.address + AREAS.data, room);
  return length <= 0 || room === 0 ? length : give(call, word(call, 2), AREAS.data, length, length);
}

function list(call: Call, place: Found): Outcome {
  if (typeof place !== "object") return place;
  const { context } = call;
  const { kernel } = context.tracing;
  const nr = place.throughLink ? kernel.machine.calls.listxattr : kernel.machine.calls.llistxattr;
  const length = kernel.call(nr, putText(kernel, AREAS.path, place.host), kernel.address + AREAS.data, MAX_VALUE);
  if (length < 0) return length;
  const names = kernel.memory.toString("latin1", AREAS.data, AREAS.data + length);
  const all = names.replaceAll(`${KEPT_CAPABILITY}\0`, `${CAPABILITY}\0`).replace(OURS, "");
  const room = word(call, 2);
  const buffer = word(call, 1);
  return giveBytesAt(call, buffer, Buffer.from(all, "latin1"), room);
}

function set(call: Call, place: Found): Outcome {
  if (typeof place !== "object") return place;
  if (place.readOnly) return -ERRNO.EROFS;
  const name = nameOf(call);
  if (typeof name === "number") return name;
  const size = word(call, 3);
  if (name.startsWith(KEPT_PREFIX)) return -ERRNO.EPERM;
  if (size > MAX_VALUE) return -E2BIG;
  const { context, tracee } = call;
  const { kernel } = context.tracing;
  if (size > 0 && context.tracing.read(tracee.tid, word(call, 2), size) < size) return -ERRNO.EFAULT;
  const value = Buffer.from(kernel.memory.subarray(AREAS.data, AREAS.data + size));
  if (name === CAPABILITY) return setCapability(call, place, value);
  const listed = name === ACCESS_LIST ? readAccessList(value) : undefined;
  if (listed?.isAll === true) return setMode(call, place, listed.bits);
  const nr = place.throughLink ? kernel.machine.calls.setxattr : kernel.machine.calls.lsetxattr;
  const [path, attribute] = [putText(kernel, AREAS.path, place.host), putText(kernel, AREAS.path2, name)];
  const result = kernel.call(nr, path, attribute, kernel.address + AREAS.data, size, int(call, 4));
  return result < 0 || listed === undefined ? result : setMode(call, place, listed.bits);
}

/** What an access list says of the mode is to be said in all ways. */
function setMode(call: Call, place: Place, bits: number): Outcome {
  const state = lookAt(call.context, place);
  if (typeof state === "number") return state;
  return chmod(call, place, (describe(call.context, place, state).mode & SPECIAL_BITS) | bits);
}

function remove(call: Call, place: Found): Outcome {
  if (typeof place !== "object") return place;
  if (place.readOnly) return -ERRNO.EROFS;
  const name = nameOf(call);
  if (typeof name === "number") return name;
  if (name.startsWith(KEPT_PREFIX)) return -ERRNO.ENODATA;
  if (name === CAPABILITY) return setCapability(call, place, undefined);
  const { kernel } = call.context.tracing;
  const nr = place.throughLink ? kernel.machine.calls.removexattr : kernel.machine.calls.lremovexattr;
  return kernel.call(nr, putText(kernel, AREAS.path, place.host), putText(kernel, AREAS.path2, name));
}

function setCapability(call: Call, place: Place, capability: Buffer | undefined): Outcome {
  const { context, tracee } = call;
  if (!isRoot(tracee.credentials)) return -ERRNO.EPERM;
  const { book } = context;
  if (capability === undefined && book.capability(place.host, place.throughLink) === undefined) return -ERRNO.ENODATA;
  return book.setCapability(place.host, place.throughLink, capability);
}

function giveBytes(call: Call, bytes: Buffer, room: number): number {
  return giveBytesAt(call, word(call, 2), bytes, room);
}

function giveBytesAt(call: Call, buffer: number, bytes: Buffer, room: number): number {
  if (room === 0) return bytes.length;
  if (room < bytes.length) return -ERRNO.ERANGE;
  if (bytes.length === 0) return 0;
  bytes.copy(call.context.tracing.kernel.memory, AREAS.data);
  return give(call, buffer, AREAS.data, bytes.length, bytes.length);
}
