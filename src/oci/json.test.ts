import fc from "fast-check";
import { expect, test } from "vitest";
import { parseStrictJson } from "./json.ts";
import type { JsonObject } from "./json.ts";

const parse = (text: string | Uint8Array): unknown =>
  parseStrictJson(typeof text === "string" ? Buffer.from(text) : text, "document");
const invalid = (message: string | RegExp): unknown =>
  expect.objectContaining({ code: "JSON_INVALID", message: expect.stringMatching(message) });

test.each([
  ["", /ends too early/],
  ["   ", /ends too early/],
  ["{", /quoted key/],
  ["[1", /comma or a closing bracket/],
  ["[1,]", /a value was expected/],
  ['{"a":1,}', /quoted key/],
  ['{"a" 1}', /colon/],
  ["{a:1}", /quoted key/],
  ["{'a':1}", /quoted key/],
  ["// no\n1", /a value was expected/],
  ["tru", /a value was expected/],
  ["True", /a value was expected/],
  ["nul", /a value was expected/],
  ["NaN", /a value was expected/],
  ["Infinity", /a value was expected/],
  ["undefined", /a value was expected/],
  ["1 2", /more after its end/],
  ["{} x", /more after its end/],
  ["01", /more after its end/],
  ["1.", /more after its end/],
  [".5", /a value was expected/],
  ["+1", /a value was expected/],
  ["-", /a value was expected/],
  ["0x10", /more after its end/],
  ['"abc', /does not end/],
  ['"a\\', /unknown escape/],
  ['"\\x41"', /unknown escape/],
  ['"\\u12g4"', /unknown escape/],
  ['"\\u12"', /unknown escape/],
  ['"a\nb"', /control character/],
  ['"\\ta\tb"', /control character/],
  ['"\\n', /does not end/],
  ['"\\ud800"', /surrogate/],
  ['"\\udc00\\ud800"', /surrogate/],
  ["\uFEFF{}", /byte order mark/],
  ["{}\uFEFF", /more after its end/],
  ["\u00a0{}", /a value was expected/],
])("%j is refused", (text, message) => {
  expect(() => parse(text)).toThrow(invalid(message));
});

test.each([
  ["9007199254740993", /beyond 2\^53/],
  ["-9007199254740992", /beyond 2\^53/],
  ["18446744073709551616", /beyond 2\^53/],
  ["1e400", /beyond 2\^53/],
  ["1e30", /beyond 2\^53/],
  ["9".repeat(5000), /beyond 2\^53/],
  ["1.0", /should be written as 1 /],
  ["1e3", /should be written as 1000 /],
  ["-0.0", /should be written as 0 /],
  ["0.00000000000000000000000000000001e32", /should be written as 1 /],
])("the number %j is refused", (text, message) => {
  expect(() => parse(`{"size":${text}}`)).toThrow(invalid(message));
});

test("numbers that every reader takes alike are read", () => {
  expect(parse("[0, -0, 9007199254740991, -9007199254740991, 0.5, -1.25e-3]")).toEqual([
    0, -0, 9007199254740991, -9007199254740991, 0.5, -0.00125,
  ]);
});

test.each([
  ['{"layers":[],"layers":[]}', /the key "layers" twice/],
  ['{"layers":[],"Layers":[]}', /"layers" and "Layers", which differ in case only/],
  ['{"a":{"b":{"config":1,"CONFIG":2}}}', /differ in case only \(at a\.b, byte \d+\)/],
  ['{"\\u006cayers":[],"layers":[]}', /twice/],
  ['{"tasks":1,"tas\u212as":2}', /differ in case/],
  ['{"layers":1,"layer\u017f":2}', /differ in case/],
  ['{"__proto__":1,"__proto__":2}', /twice/],
  ['{"constructor":1,"constructor":2}', /twice/],
  ['{"annotations":{"a":"1","a":"2"}}', /twice/],
  ['{"annotations":{"x":{"a":1,"A":2}}}', /differ in case/],
  ['{"annotations":[{"a":1,"A":2}]}', /differ in case/],
])("the keys of %j are refused", (text, message) => {
  expect(() => parse(text)).toThrow(invalid(message));
});

test("labels and annotations may differ in case: they are maps to every reader", () => {
  const text = '{"config":{"Labels":{"Maintainer":"a","maintainer":"b"}},"annotations":{"k":"1","K":"2"}}';
  expect(parse(text)).toEqual(JSON.parse(text));
});

test("a member named __proto__ is a member", () => {
  const value = parse('{"__proto__":{"polluted":true},"toString":1}') as JsonObject;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.hasOwn(value, "__proto__")).toBe(true);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("depth, size and encoding are bounded", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(() => parse(nested(64))).not.toThrow();
  expect(() => parse(nested(66))).toThrow(invalid(/nested more than 64 deep/));
  expect(() => parse(nested(1_000_000))).toThrow(invalid(/nested/));
  expect(() => parse('{"a":'.repeat(800_000))).toThrow(invalid(/nested/));
  expect(() => parse(Buffer.alloc(5 * 1024 * 1024, " "))).toThrow(invalid(/too large: 5\.2 MB/));
  expect(() => parse(Buffer.from('{"a":"\xff"}', "latin1"))).toThrow(invalid(/not UTF-8/));
  expect(() => parse(Buffer.from([0x22, 0xc0, 0x80, 0x22]))).toThrow(invalid(/not UTF-8/));
  expect(() => parse(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow(invalid(/not UTF-8/));
});

test("the error says where", () => {
  expect(() => parse('{"layers":[{"size":1},{"digest":"é","size":1e99}]}')).toThrow(
    invalid(/^document is not valid JSON: the number 1e99 is beyond 2\^53 \(at layers\[1\]\.size, byte 44\)$/),
  );
});

test("a view into a larger buffer is read and nothing beside it", () => {
  const bytes = Buffer.from('xx{"a":1}yy');
  expect(parse(bytes.subarray(2, 9))).toEqual({ a: 1 });
});

/** What JSON.stringify may write and we refuse: numbers past 2^53, deeper nesting, keys equal but for case. */
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e15, max: 1e15 }),
);
const documents = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    number,
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), tie("value")), {
        maxLength: 5,
        selector: ([key]) => key.toUpperCase().toLowerCase(),
      })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;

test("a valid document reads as JSON.parse reads it", () => {
  fc.assert(
    fc.property(documents, fc.constantFrom(undefined, 1, "\t", "\r\n "), (value, space) => {
      const text = JSON.stringify(value, null, space);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test("whatever is read, JSON.parse reads the same", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"A"',
    '"\\n"',
    '"\\u0041"',
    "1",
    "-0",
    "1.5",
    "null",
    "true",
    " ",
    "\n",
    '"',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      let value: unknown;
      try {
        value = parse(text);
      } catch (error) {
        expect(error).toEqual(invalid(/./));
        return;
      }
      expect(value).toEqual(JSON.parse(text));
    }),
    { numRuns: 2000 },
  );
});
