import { AREAS } from "../../sys/trace/tracing.ts";
import { int, word } from "../fake-root/context.ts";
import type { Call, Handler } from "../fake-root/context.ts";
import { AT_FDCWD, ERRNO } from "../fake-root/places.ts";
import type { ShortLinks } from "./short-links.ts";
import type { Outcome } from "../fake-root/tracee.ts";

const AF_UNIX = 1;
/** `sun_path` with its NUL. */
const MAX_PATH = 108;
const MAX_ADDRESS = 2 + MAX_PATH;

/** Sockets with names in the file system. A name has little room: where the machine's is too long, a link leads to its directory. */
export function socketCalls(links: ShortLinks): Readonly<Record<"bind" | "connect", Handler>> {
  const shorten = (host: string): string => (host.length < MAX_PATH ? host : links.below(host));
  return { bind: (call) => address(call, false, shorten), connect: (call) => address(call, true, shorten) };
}

function address(call: Call, follow: boolean, shorten: (host: string) => string): Outcome {
  const length = Math.min(int(call, 2), MAX_ADDRESS);
  const { tracing, places } = call.context;
  if (length < 4 || tracing.read(call.tracee.tid, word(call, 1), length) < length) return "native";
  const { memory } = tracing.kernel;
  if (memory.readUInt16LE(AREAS.data) !== AF_UNIX || memory[AREAS.data + 2] === 0) return "native";
  const path = memory.toString("latin1", AREAS.data + 2, AREAS.data + length).replace(/\0.*$/s, "");
  const place = places.find(call.tracee, AT_FDCWD, path, follow);
  if (typeof place !== "object") return place;
  if (place.readOnly && !follow) return -ERRNO.EROFS;
  const host = shorten(place.host);
  return { texts: [[1, `\x01\0${host}`]], values: [[2, host.length + 3]] };
}
