import { errnoOf } from "../base/errors.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { KEPT_PREFIX, formatKept, parseKept } from "./kept-metadata.ts";
import type { KeptMetadata } from "./kept-metadata.ts";

/** Not imported: every build reads files by what imports this. */
const zlib = (): typeof import("node:zlib") => process.getBuiltinModule("node:zlib");

const NAMES = `${KEPT_PREFIX}names`;
/** Begins a value that is compressed; JSON begins with a brace. */
const COMPRESSED = 0;
/** Longer ones are: ext4 has some 4000 bytes for all attributes of a directory, which are 110 links as they are, and 400 so. */
const MAX_PLAIN = 512;
const MAX_VALUE = 65_536;

/** What `directory` keeps of `name`, which can have no attributes itself. */
export function readKeptName(directory: BytesPath, name: string, syscalls: Syscalls): KeptMetadata | undefined {
  const text = readNames(directory, syscalls).get(name);
  return text === undefined ? undefined : parseKept(text);
}

/**
 * Keeps in `directory` what `name` is; `undefined` forgets it. False where the directory has no room for more:
 * the name is root's then.
 */
export function writeKeptName(
  directory: BytesPath,
  name: string,
  kept: KeptMetadata | undefined,
  syscalls: Syscalls,
): boolean {
  const names = readNames(directory, syscalls);
  if (kept === undefined || (kept.uid === 0 && kept.gid === 0)) {
    if (!names.delete(name)) return true;
  } else names.set(name, formatKept(kept));
  if (names.size === 0) {
    syscalls.lremovexattr(directory, NAMES);
    return true;
  }
  try {
    syscalls.lsetxattr(directory, NAMES, encode(names));
    return true;
  } catch (error) {
    if (!["ENOSPC", "E2BIG", "ERANGE"].includes(errnoOf(error) ?? "")) throw error;
    return false;
  }
}

function readNames(directory: BytesPath, syscalls: Syscalls): Map<string, string> {
  const value = syscalls.lgetxattr(directory, NAMES);
  if (value === undefined) return new Map();
  const plain =
    value[0] === COMPRESSED ? zlib().inflateRawSync(value.subarray(1), { maxOutputLength: MAX_VALUE * 16 }) : value;
  const groups = Object.entries(JSON.parse(plain.toString("utf8")) as Record<string, readonly string[]>);
  return new Map(groups.flatMap(([kept, names]) => names.map((name) => [name, kept] as const)));
}

/** Names by what they are, as most of a directory are the same. */
function encode(names: ReadonlyMap<string, string>): Buffer {
  const groups = Map.groupBy(names, ([, kept]) => kept);
  const entries = [...groups].map(([kept, members]) => [kept, members.map(([name]) => name)] as const);
  const plain = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  return plain.length <= MAX_PLAIN ? plain : Buffer.concat([Buffer.of(COMPRESSED), zlib().deflateRawSync(plain)]);
}
