import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../base/errors.ts";
import type { InstructionNode } from "./ast.ts";
import { wordRange } from "./errors.ts";
import { goQuote, goQuoteList } from "./go-quote.ts";
import { parseDockerfile } from "./parse.ts";
import { decodeSourceFile } from "./source-file.ts";

const GOLDENS = "../shared/conformance/dockerfile-parser";
const cases = (kind: string): string[] => (existsSync(GOLDENS) ? readdirSync(`${GOLDENS}/${kind}`) : []);

if (!existsSync(GOLDENS)) console.warn(`skipped: ${GOLDENS} is not here`);

describe.skipIf(!existsSync(GOLDENS))("moby's goldens", () => {
  test.each(cases("positive"))("%s parses to its S-expression", (name) => {
    const folder = `${GOLDENS}/positive/${name}`;
    const parsed = parseDockerfile(decodeSourceFile("Dockerfile", readFileSync(`${folder}/Dockerfile`)));
    expect(`${parsed.instructions.map((node) => `(${dump(node)})`).join("\n")}\n`).toBe(
      readFileSync(`${folder}/result`, "utf8"),
    );
  });

  test.each(cases("negative"))("%s is refused at a position", (name) => {
    const bytes = readFileSync(`${GOLDENS}/negative/${name}/Dockerfile`);
    const error = refusal(() => parseDockerfile(decodeSourceFile("Dockerfile", bytes)));
    expect(error.source).toBeDefined();
    expect(error.hint).toBeDefined();
  });

  test("are all there", () => {
    expect(cases("positive").length).toBeGreaterThanOrEqual(33);
    expect(cases("negative").length).toBe(4);
  });
});

describe("lines", () => {
  test("an instruction has all its lines, heredocs included", () => {
    const nodes = parse("\n# first\nFROM a\nRUN one \\\n  # aside\n\n  two\nRUN <<EOF\nx\nEOF\nCMD x").instructions;
    expect(nodes.map(({ source }) => [source.start.line, source.end.line - 1])).toEqual([
      [3, 3],
      [4, 7],
      [8, 10],
      [11, 11],
    ]);
    expect(nodes[1]!.text).toBe("RUN one   two");
  });

  test("a word's range points into the line it stands in", () => {
    const [, node] = parse("FROM a\nCOPY --chown=me one \\\n   two \\\n three/\n").instructions;
    const ranges = [...node!.flags, ...wordsOf(node!)].map((word) => wordRange(node!, word));
    expect(ranges.map(({ start, end }) => [start.line, start.column, end.line, end.column])).toEqual([
      [2, 6, 2, 16],
      [2, 17, 2, 20],
      [3, 4, 3, 7],
      [4, 2, 4, 8],
    ]);
  });

  test("a byte order mark and CRLF change nothing", () => {
    const plain = parse("FROM a\nRUN x \\\n y\n").instructions.map(dump);
    expect(parse("\ufeffFROM a\r\nRUN x \\\r\n y\r\n").instructions.map(dump)).toEqual(plain);
  });

  test("an empty line in a continuation is noted, a comment is not", () => {
    expect(
      parse("FROM a\nRUN x \\\n\n y\nRUN x \\\n# c\n y\n").emptyContinuations.map(({ start }) => start.line),
    ).toEqual([4]);
  });

  test("a file saved as UTF-16 is refused where it shows", () => {
    const error = refusal(() => parseDockerfile(decodeSourceFile("D", Buffer.from("\ufeffFROM a\n", "utf16le"))));
    expect([error.code, error.source?.start.line, error.hint]).toEqual([
      "DOCKERFILE_SYNTAX",
      1,
      "Save the file as UTF-8 text.",
    ]);
  });

  test("bytes that are no UTF-8 come through", () => {
    const { instructions } = parseDockerfile(decodeSourceFile("D", Buffer.from("FROM a\nRUN echo \xff\n", "latin1")));
    expect(wordsOf(instructions[1]!)[0]!.text).toBe("echo \udcff");
  });

  test("comments before an instruction belong to it", () => {
    const [, stage] = parse("FROM a\n# other\n#\n# build the thing\n\nFROM b AS build").instructions;
    expect(stage!.comments).toEqual(["build the thing"]);
  });
});

describe("words", () => {
  test("an escape character with nothing behind it is dropped", () => {
    const text = `FROM a\nENV A=b${"\\".repeat(3)}`;
    expect(wordsOf(parse(text).instructions[1]!)[1]!.text).toBe(`b${"\\".repeat(2)}`);
  });

  test("JSON strings hold Unicode only, as Go's do", () => {
    const nodes = parseDockerfile(
      decodeSourceFile("D", Buffer.from('FROM a\nCMD ["\\udc80", "\xff"]\n', "latin1")),
    ).instructions;
    expect(wordsOf(nodes[1]!).map(({ text }) => text)).toEqual(["\ufffd", "\ufffd"]);
  });
});

describe("directives", () => {
  test("are read from the head of the file, in any case", () => {
    const file = parse("# Syntax = docker/dockerfile:1 extra\n# escape=`\n# check=skip=all\nFROM a\nRUN x `\n y");
    expect(file.directives.map(({ name, value }) => [name, value])).toEqual([
      ["syntax", "docker/dockerfile:1 extra"],
      ["escape", "`"],
      ["check", "skip=all"],
    ]);
    expect(file.instructions[1]!.text).toBe("RUN x  y");
  });

  test.each([
    ["after another comment", "# hello\n# escape=`\nFROM a"],
    ["after an empty line", "\n# escape=`\nFROM a"],
    ["below #!", "#!/usr/bin/env x\n# escape=`\nFROM a"],
  ])("escape is none %s", (_, text) => {
    expect(parse(text).escape).toBe("\\");
  });

  test("are no comments of the instruction below them", () => {
    expect(parse("# syntax=x\n# about it\nFROM a").instructions[0]!.comments).toEqual(["about it"]);
  });

  test("syntax may stand below #!", () => {
    expect(parse("#!/usr/bin/env x\n# syntax=d/d:1\nFROM a").directives).toHaveLength(1);
  });

  test.each(["# escape=x\nFROM a", "# escape=`\n# escape=`\nFROM a"])("%j is refused", (text) => {
    expect(refusal(() => parse(text)).code).toBe("DOCKERFILE_SYNTAX");
  });
});

describe("heredocs", () => {
  const TABLE = readFileSync(new URL("heredocs.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# "))
    .map((line) => line.split(" | "));

  test.each(TABLE)("%s with %s has %s", (line = "", rest = "", expected = "") => {
    const nodes = parse(`FROM a\n${line}\n${unescapeLine(rest)}`).instructions;
    const heredocs = nodes[1]!.heredocs.map(
      (heredoc) =>
        `${heredoc.descriptor || ""}${heredoc.name}${heredoc.expand ? "" : "!"}${heredoc.chomp ? "-" : ""}=${JSON.stringify(heredoc.content)}`,
    );
    expect(heredocs.join(" ")).toBe(expected === "none" ? "" : expected);
  });

  test("one that does not end is refused at its instruction", () => {
    const error = refusal(() => parse("FROM a\nRUN <<EOF\necho\n"));
    expect([error.code, error.source?.start.line]).toEqual(["DOCKERFILE_SYNTAX", 2]);
  });
});

describe("any text", () => {
  const piece = fc.constantFrom(
    "FROM a\n",
    "RUN ",
    "COPY ",
    "ENV ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "CMD ",
    "--from=x ",
    "--",
    "<<EOF",
    "<<-'E'",
    "\nEOF\n",
    "\n",
    "\\\n",
    "\\",
    "`",
    "#",
    "# escape=`\n",
    "[",
    "]",
    '"',
    "'",
    ",",
    "a=b ",
    "$x",
    "${",
    " ",
    "\t",
    "\r\n",
    "é",
    "\udcff",
    "\0",
    "\u0085",
  );
  const text = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(""));

  test("parses or is refused at a position", () => {
    fc.assert(fc.property(fc.oneof(text, fc.string({ unit: "binary" })), parsesOrRefuses), { numRuns: 3000 });
  });

  test("of any bytes too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        parsesOrRefuses(decodeSourceFile("Dockerfile", bytes).text);
      }),
    );
  });

  test("keeps every word inside its instruction's lines", () => {
    fc.assert(
      fc.property(text, (body) => {
        for (const node of tryParse(`FROM a\n${body}`)) {
          for (const word of [...node.flags, ...wordsOf(node)]) {
            const { start, end } = wordRange(node, word);
            expect(start.line).toBeGreaterThanOrEqual(node.source.start.line);
            expect(end.line).toBeLessThan(node.source.end.line);
          }
        }
      }),
    );
  });

  test("ends soon, however long", () => {
    const started = performance.now();
    for (const unit of ["\\\n", "RUN a \\\n", "ONBUILD ", "'", "<<", "[", " \\", "${", "--a ", "#\n"]) {
      parsesOrRefuses(`FROM a\nRUN ${unit.repeat(20_000)}`);
      parsesOrRefuses(unit.repeat(20_000));
    }
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test("strings are quoted as Go quotes them", () => {
  expect(goQuoteList(["/bin/sh", "-c", 'a "b"\t\\ é \u0001 \u200b \udcff'])).toBe(
    String.raw`["/bin/sh" "-c" "a \"b\"\t\\ é \x01 \u200b \xff"]`,
  );
});

function parse(text: string): ReturnType<typeof parseDockerfile> {
  return parseDockerfile({ name: "Dockerfile", text });
}

function tryParse(text: string): readonly InstructionNode[] {
  try {
    return parse(text).instructions;
  } catch {
    return [];
  }
}

function parsesOrRefuses(text: string): void {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).source).toBeDefined();
  }
}

function refusal(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

function wordsOf(node: InstructionNode): InstructionNode["flags"] {
  switch (node.arguments.kind) {
    case "words":
      return node.arguments.words;
    case "pairs":
      return node.arguments.pairs.flatMap(({ key, value }) => [key, value]);
    case "instruction":
      return wordsOf(node.arguments.instruction);
  }
}

/** The S-expression of BuildKit's parser, which its goldens are. */
function dump(node: InstructionNode): string {
  const flags = node.flags.length === 0 ? "" : ` ${goQuoteList(node.flags.map(({ text }) => text))}`;
  return node.keyword.toLowerCase() + flags + dumpArguments(node);
}

function dumpArguments({ arguments: given }: InstructionNode): string {
  if (given.kind === "instruction") return ` (${dump(given.instruction)})`;
  const items =
    given.kind === "words"
      ? given.words.map(({ text }) => text)
      : given.pairs.flatMap(({ key, value, legacy }) => [key.text, value.text, legacy ? "" : "="]);
  return items.map((item) => ` ${goQuote(item)}`).join("");
}

function unescapeLine(text: string): string {
  return text.replaceAll("\\n", "\n").replaceAll("\\t", "\t").replaceAll("\\r", "\r");
}
