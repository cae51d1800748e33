import fc from "fast-check";
import { bytesContent } from "../file-content.ts";
import type { Entry, Metadata } from "../entry.ts";

/** An entry of a test, with a file's bytes at hand: content can be read once only. */
export type PlainEntry = Entry | (Omit<Entry & { type: "file" }, "content"> & { readonly bytes: Uint8Array });

/** Any entry a layer can hold, long, strange and non-ASCII names included. */
export function arbitraryEntry(): fc.Arbitrary<PlainEntry> {
  const path = arbitraryPath();
  return fc
    .oneof(
      fc.record({
        type: fc.constant("directory" as const),
        path: fc.oneof(path, fc.constant("")),
        metadata: metadata(),
      }),
      fc.record({
        type: fc.constant("file" as const),
        path,
        metadata: metadata(),
        bytes: fc.uint8Array({ maxLength: 3000 }),
      }),
      fc.record({ type: fc.constant("symlink" as const), path, metadata: metadata(), target: symlinkTarget() }),
      fc.record({ type: fc.constant("hardlink" as const), path, metadata: metadata(), target: path }),
      fc.record({
        type: fc.constantFrom("char" as const, "block" as const),
        path,
        metadata: metadata(),
        major: fc.nat(4095),
        minor: fc.nat(2 ** 20 - 1),
      }),
      fc.record({ type: fc.constant("fifo" as const), path, metadata: metadata() }),
      fc.record({ type: fc.constant("whiteout" as const), path }),
      fc.record({ type: fc.constant("opaque" as const), path: fc.oneof(path, fc.constant("")) }),
    )
    .map(flatten);
}

export function arbitraryPath(): fc.Arbitrary<string> {
  const character = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(..."abcXYZ019._- \\") },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) },
  );
  const component = fc
    .oneof(
      { weight: 6, arbitrary: fc.array(character, { minLength: 1, maxLength: 20 }) },
      { weight: 1, arbitrary: fc.array(character, { minLength: 80, maxLength: 240 }) },
    )
    .map((characters) => characters.join("").replaceAll("/", "_"))
    .filter((name) => name !== "." && name !== ".." && !name.startsWith(".wh."));
  return fc.array(component, { minLength: 1, maxLength: 5 }).map((components) => components.join("/"));
}

/** What the sink is given: content anew each time. */
export function toEntry(plain: PlainEntry): Entry {
  if (!("bytes" in plain)) return plain;
  const { bytes, ...header } = plain;
  return { ...header, content: bytesContent(bytes) };
}

function symlinkTarget(): fc.Arbitrary<string> {
  return fc.oneof(
    arbitraryPath(),
    arbitraryPath().map((path) => `../../${path}`),
    fc.constantFrom("/", "/etc/mtab", ".", "..", "a//b/./c"),
  );
}

function metadata(): fc.Arbitrary<Metadata> {
  const id = fc.oneof(fc.nat(65535), fc.constantFrom(2097151, 2097152, 0xfffffffe));
  const seconds = fc.oneof(
    fc.bigInt(-100_000_000_000n, 1_000_000_000_000n),
    fc.constantFrom(0n, -1n, 2n ** 33n - 1n, 2n ** 33n, 1_700_000_000n),
  );
  const fraction = fc.oneof(fc.constant(0n), fc.bigInt(0n, 999_999_999n));
  const name = fc.constantFrom("user.a", "security.capability", "user.caf\xe9", "trusted.x y");
  const xattrs = fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 40 })), {
    maxLength: 3,
    selector: ([key]) => key,
  });
  return fc
    .record({
      mode: fc.nat(0o7777),
      uid: id,
      gid: id,
      seconds,
      fraction,
      xattrs: fc.option(xattrs, { nil: undefined, freq: 3 }),
    })
    .map(({ mode, uid, gid, seconds: whole, fraction: rest, xattrs: pairs }) => ({
      mode,
      uid,
      gid,
      mtime: whole * 1_000_000_000n + rest,
      ...(pairs === undefined || pairs.length === 0 ? {} : { xattrs: new Map(pairs) }),
    }));
}

function flatten(parts: object): PlainEntry {
  const { metadata: owned, ...rest } = parts as { metadata?: Metadata; bytes?: Uint8Array };
  const size = rest.bytes === undefined ? {} : { size: rest.bytes.length };
  return { ...rest, ...owned, ...size } as PlainEntry;
}
