import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHeader, encodeHeader, type HeaderFields } from "./header.ts";
import { parseNumeric, writeOctal } from "./numeric.ts";
import { formatPaxRecord, formatPaxTime, parsePax, parsePaxTime } from "./pax.ts";

const PLAIN: HeaderFields = {
  name: "name",
  prefix: "",
  linkname: "",
  type: "0",
  mode: 0o644,
  uid: 1,
  gid: 2,
  size: 3,
  mtime: 4,
  devmajor: 5,
  devminor: 6,
};

function encoded(fields: Partial<HeaderFields>): Buffer {
  const block = Buffer.alloc(512);
  encodeHeader(block, 0, { ...PLAIN, ...fields });
  return block;
}

describe("header", () => {
  test("is read as it was written", () => {
    const { prefix: _, ...fields } = PLAIN;
    expect(decodeHeader(encoded({}), 0, 0)).toEqual(fields);
    expect(decodeHeader(encoded({ prefix: "a/b", name: "c" }), 0, 0).name).toBe("a/b/c");
    expect(decodeHeader(encoded({ name: "n".repeat(100), linkname: "l".repeat(100) }), 0, 0)).toMatchObject({
      name: "n".repeat(100),
      linkname: "l".repeat(100),
    });
  });

  test("may have the sum of signed bytes that old Sun tars wrote", () => {
    const block = encoded({ name: "caf\xe9" });
    block.fill(0x20, 148, 156);
    const signed = new Int8Array(block.buffer, block.byteOffset, 512).reduce((sum, byte) => sum + byte, 0);
    writeOctal(block, 148, 7, signed);
    expect(decodeHeader(block, 0, 0).name).toBe("caf\xe9");
    writeOctal(block, 148, 7, signed + 1);
    expect(() => decodeHeader(block, 0, 512)).toThrow(
      expect.objectContaining({ code: "TAR_INVALID", message: expect.stringContaining("byte 512") }),
    );
  });
});

test.each([
  ["0000644\0", 0o644],
  ["   644 \0", 0o644],
  ["644\0\0\0\0\0", 0o644],
  ["12\x0034\0\0\0", 0o12],
  ["\0\0\0\0\0\0\0\0", 0],
  ["        ", 0],
  ["00008\0\0\0", undefined],
  ["-1\0\0\0\0\0\0", undefined],
  ["1 2\0\0\0\0\0", undefined],
  ["\x80\0\0\0\0\0\x01\x02", 258],
  ["\xff\xff\xff\xff\xff\xff\xff\xff", -1],
  ["\xff\xff\xff\xff\xff\xff\xff\x00", -256],
  ["\x80\x20\0\0\0\0\0\0", undefined],
  ["\x80\x1f\xff\xff\xff\xff\xff\xff", 2 ** 53 - 1],
])("the field %j is %j", (text, expected) => {
  expect(parseNumeric(Buffer.from(text, "latin1"), 0, 8)).toBe(expected);
});

describe("PAX", () => {
  test("records are read as they were written", () => {
    const text = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 120,
    });
    const key = text.filter((name) => name !== "" && !name.includes("="));
    fc.assert(
      fc.property(fc.dictionary(key, text), (pairs) => {
        const data = Buffer.concat(Object.entries(pairs).map(([name, value]) => formatPaxRecord(name, value)));
        expect(parsePax(data, 0)).toEqual(new Map(Object.entries(pairs)));
      }),
    );
  });

  test.each([
    ["a length that is short", "5 a=bc\n"],
    ["a length that is long", "9 a=bc\n"],
    ["a length within the length", "00005 a=b\n"],
    ["no length", "a=b\n"],
    ["no key", "5 =b\n"],
    ["no equals sign", "5 ab\n"],
    ["a NUL in a name", "11 path=a\0\n"],
    ["a NUL in a key", "7 a\0=b\n"],
    ["no newline", "6 a=bc"],
  ])("%s is refused", (_, text) => {
    expect(() => parsePax(Buffer.from(text, "latin1"), 0)).toThrow(expect.objectContaining({ code: "TAR_INVALID" }));
  });

  test("sparse files are refused", () => {
    const data = formatPaxRecord("GNU.sparse.major", "1");
    expect(() => parsePax(data, 0)).toThrow(expect.objectContaining({ code: "TAR_UNSUPPORTED" }));
  });

  test("times are read as they were written", () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 24n), 10n ** 24n), (time) => {
        expect(parsePaxTime(formatPaxTime(time))).toBe(time);
      }),
    );
  });

  test.each([
    ["1.5", "1500000000"],
    ["-0.25", "-250000000"],
    ["+3", "3000000000"],
    ["1.", "1000000000"],
    ["1.1234567899", "1123456789"],
    [".5", undefined],
    ["1e3", undefined],
    ["1.-5", undefined],
    ["9223372036854775808", undefined],
    ["", undefined],
  ])("the time %j is %j", (text, expected) => {
    expect(parsePaxTime(text)?.toString()).toBe(expected);
  });
});
