import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../../base/errors.ts";
import { parseIgnoreFile } from "./parse.ts";

function parse(text: string): readonly string[] {
  return parseIgnoreFile({ name: ".dockerignore", text });
}

test("patterns are trimmed, cleaned and taken from the context's root", () => {
  const text = "# comment\n\n  a  \r\n/b/\n./c//d/../e\n!/f\n! g \n # not a comment\n**/*.md\n/\n!.git\n";
  expect(parse(text)).toEqual(["a", "b", "c/e", "!f", "!g", "# not a comment", "**/*.md", "/", "!.git"]);
});

test.each(["a\n[\n", "a\n!\n", "a\nb\\\n"])("%j is refused at its line", (text) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({
      code: "IGNORE_PATTERN_INVALID",
      source: expect.objectContaining({ start: { line: 2, column: 1 } }),
    }),
  );
});

test("any text parses or is refused at a line", () => {
  const piece = fc.constantFrom(
    "a",
    "/",
    "**",
    "*",
    "?",
    "[",
    "]",
    "^",
    "-",
    "\\",
    "!",
    "#",
    "\n",
    " ",
    "é",
    "\udcff",
    ".",
    "..",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (parts) => {
      try {
        parse(parts.join(""));
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        expect((error as AppError).source).toBeDefined();
      }
    }),
    { numRuns: 1000 },
  );
});
