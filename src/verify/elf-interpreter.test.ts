import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ELF_HEADERS_BYTES, readElfInterpreter } from "./elf-interpreter.ts";

/** A program with one segment that names `path`, or with none that does. */
function program({ wide = true, bigEndian = false, path = "/lib/ld.so", type = 3 } = {}): Buffer {
  const [header, segment] = wide ? [64, 56] : [52, 32];
  const bytes = Buffer.alloc(header + segment + path.length + 1);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, bigEndian ? 2 : 1, 1]);
  const put = (at: number, size: number, value: number): void => {
    for (let index = 0; index < size; index++) {
      bytes[at + (bigEndian ? size - 1 - index : index)] = Math.floor(value / 256 ** index) % 256;
    }
  };
  put(16, 2, 2);
  put(18, 2, 62);
  put(wide ? 32 : 28, wide ? 8 : 4, header);
  put(wide ? 54 : 42, 2, segment);
  put(wide ? 56 : 44, 2, 1);
  put(header, 4, type);
  put(header + (wide ? 8 : 4), wide ? 8 : 4, header + segment);
  put(header + (wide ? 32 : 16), wide ? 8 : 4, path.length + 1);
  bytes.write(path, header + segment);
  return bytes;
}

test("the loader of a program is named, in both sizes and byte orders", () => {
  for (const wide of [true, false])
    for (const bigEndian of [true, false])
      expect(readElfInterpreter(program({ wide, bigEndian }))).toEqual({ kind: "named", path: "/lib/ld.so" });
});

test("a static program names none", () => {
  expect(readElfInterpreter(program({ type: 1 }))).toEqual({ kind: "none" });
});

test("headers that are too small to be any are those of no program", () => {
  for (const wide of [true, false]) {
    const bytes = program({ wide, type: 1 });
    bytes.writeUInt16LE(8, wide ? 54 : 42);
    expect(readElfInterpreter(bytes)).toEqual({ kind: "unknown" });
  }
});

test("a name that ends outside of what was read is not known", () => {
  const bytes = program();
  expect(readElfInterpreter(bytes.subarray(0, bytes.length - 1))).toEqual({ kind: "unknown" });
});

test("the program that runs this has a loader that is there", () => {
  const found = readElfInterpreter(readFileSync(process.execPath).subarray(0, ELF_HEADERS_BYTES));
  expect(found.kind === "named" && readFileSync(found.path).length > 0).toBe(true);
});

test("any bytes, and any change to a program, are read without a fault and never beyond their end", () => {
  const changed = fc
    .tuple(fc.boolean(), fc.boolean(), fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { maxLength: 6 }), fc.nat(140))
    .map(([wide, bigEndian, edits, length]) => {
      const bytes = program({ wide, bigEndian });
      for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
      return bytes.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const found = readElfInterpreter(bytes);
      if (found.kind === "named") expect(Buffer.from(bytes).includes(Buffer.from(found.path, "latin1"))).toBe(true);
    }),
  );
});
