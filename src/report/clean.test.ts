import fc from "fast-check";
import { expect, test } from "vitest";
import { Cleaner, cleanLine, cleanText } from "./clean.ts";
import { OutputLines } from "./output-lines.ts";

const HARMFUL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** The lines of output that comes in these pieces. */
function lines(colors: "keep" | "drop", ...pieces: readonly (string | Uint8Array)[]): string[] {
  const output = new OutputLines(colors);
  return [...pieces.flatMap((piece) => output.push(Buffer.from(piece))), ...output.end()];
}

test.each([
  ["a colour", "\x1b[31mred\x1b[0m", "red"],
  ["a cursor movement", "a\x1b[2A\x1b[2Kb", "ab"],
  ["a clear screen", "\x1b[2J\x1b[Hhidden", "hidden"],
  ["a title", "\x1b]0;evil\x07text", "text"],
  ["a title that ends in ST", "\x1b]0;evil\x1b\\text", "text"],
  ["a hyperlink", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"],
  ["a clipboard write", "\x1b]52;c;ZXZpbA==\x07text", "text"],
  ["a device query", "\x1bP+q544e\x1b\\text\x1b[c", "text"],
  ["a character set", "\x1b(0text\x1b(B", "text"],
  ["a reset", "\x1bctext", "text"],
  ["8-bit sequences", "a\u009b2Jb\u009d0;evil\u009cc\u0085d", "abcd"],
  ["a bell and backspaces", "a\x07b\x08\x08c\x7f", "abc"],
  ["reversed text", "abc\u202efdp.exe\u2066x\u2069", "abcfdp.exex"],
  ["two escapes in a row", "\x1b\x1b[31mtext", "text"],
  ["an escape inside a sequence", "\x1b[3\x1b[31mtext", "text"],
])("%s does nothing", (_, text, expected) => {
  expect(cleanLine(text)).toBe(expected);
  expect(lines("drop", text)).toEqual([expected]);
  for (let at = 0; at <= text.length; at++)
    expect(lines("drop", text.slice(0, at), text.slice(at))).toEqual([expected]);
});

test("a name is one line", () => {
  expect(cleanLine("RUN <<EOF\n  echo a\t\r\n EOF\n")).toBe("RUN <<EOF echo a EOF");
  expect(cleanText("a\r\nb\x1b[1mc\n\td")).toBe("a\nbc\n\td");
});

test("a sequence that never ends hides no further line", () => {
  expect(lines("drop", "a\x1b]0;evil\nb\nc")).toEqual(["a", "b", "c"]);
  expect(lines("drop", "a\x1b[\nb")).toEqual(["a", "b"]);
  expect(lines("drop", `\x1b]0;${"x".repeat(5000)}shown`)[0]).toContain("shown");
});

test("colours are kept where asked, and closed at the end of the line", () => {
  expect(lines("keep", "\x1b[1;31mred\nnext\x1b[2J\n")).toEqual(["\x1b[1;31mred\x1b[0m", "next"]);
  expect(lines("keep", "\x1b[32mok\x1b[0m\n\x1b[mx\n")).toEqual(["\x1b[32mok\x1b[0m", "\x1b[mx"]);
  expect(lines("keep", "\x1b[38;2;1;2;3mtrue\x1b[?25hx")).toEqual(["\x1b[38;2;1;2;3mtruex\x1b[0m"]);
  expect(lines("keep", "\x1b[>4;2mx\x1b[ mx")).toEqual(["xx"]);
});

test("a carriage return starts the line anew", () => {
  expect(lines("drop", "10%\r50%\r100%\ndone\r\nlast\r")).toEqual(["100%", "done", "last"]);
  expect(lines("drop", "10%", "\r", "50%", "\r\n")).toEqual(["50%"]);
});

test("bytes that are no UTF-8 become replacement characters, characters may be cut anywhere", () => {
  expect(lines("drop", Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xc3]))).toEqual(["a\ufffdb", "\ufffd"]);
  const text = Buffer.from("héllo ✓ 😀\n");
  for (let at = 0; at <= text.length; at++) {
    expect(lines("drop", text.subarray(0, at), text.subarray(at))).toEqual(["héllo ✓ 😀"]);
  }
});

test("a line without end comes in pieces and is not gathered", () => {
  const output = new OutputLines("drop");
  let length = 0;
  for (let i = 0; i < 64; i++) {
    const pieces = output.push(Buffer.alloc(65_536, "x"));
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(8192);
    length += pieces.join("").length;
  }
  expect(length).toBeGreaterThan(64 * 65_536 - 8192);
  for (const text of ["😀".repeat(10_000), `a${"😀".repeat(10_000)}`]) {
    const pieces = lines("drop", text);
    expect(pieces.join("")).toBe(text);
    expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
  }
});

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(fc.constantFrom("\x1b", "[", "]", "0", ";", "m", "\\", "\x07", "\r", "\n", "a", "\u009b", "\u202e", "\t"), {
      maxLength: 30,
    })
    .map((parts) => new Uint8Array(Buffer.from(parts.join("")))),
);

test("no output, however cut, leaves anything harmful", () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (pieces) => {
      for (const line of lines("drop", ...pieces)) expect(line).not.toMatch(HARMFUL);
      for (const line of lines("keep", ...pieces)) expect(line.replaceAll(/\x1b\[[0-9;:]*m/g, "")).not.toMatch(HARMFUL);
      expect(lines("drop", Buffer.concat(pieces))).toEqual(lines("drop", ...pieces));
    }),
    { numRuns: 1000 },
  );
});

test("harmless text is left as it is", () => {
  const cleaner = new Cleaner("drop");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      expect(cleaner.feed(text)).toBe(text);
    }),
  );
});

test("a line that has not ended can be looked at", () => {
  const output = new OutputLines("keep");
  output.push(Buffer.from("done\n10%\r\x1b[32m50%"));
  expect(output.partial).toBe("\x1b[32m50%\x1b[0m");
  expect(output.push(Buffer.from(" of all\n"))).toEqual(["\x1b[32m50% of all\x1b[0m"]);
  expect(output.partial).toBe("");
});
