import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../../../base/errors.ts";
import { expand } from "./expand.ts";

const TABLES = "../shared/conformance/shell-expansion";
const ENVIRONMENT = new Map([
  ["PWD", "/home"],
  ["SHELL", "bash"],
  ["KOREAN", "한국어"],
  ["NULL", ""],
]);

if (!existsSync(TABLES)) console.warn(`skipped: ${TABLES} is not here`);

test.skipIf(!existsSync(TABLES))("moby's table of expansions (envVarTest)", () => {
  const wrong: string[] = [];
  let count = 0;
  for (const line of readFileSync(`${TABLES}/envVarTest`, "utf8").split("\n")) {
    const [platform, source, expected] = line.split("|").map((part) => part.trim());
    if (line.startsWith("#") || source === undefined || (platform !== "A" && platform !== "U")) continue;
    count++;
    const found = outcome(() => expand(source, ENVIRONMENT).text);
    if (found !== expected) wrong.push(`${line} -> ${found}`);
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(200);
});

test.skipIf(!existsSync(TABLES)).each([{}, { rawQuotes: true, keepUnset: true }])(
  "moby's table of words %j",
  (options) => {
    // The table states plain words; raw quotes only change lines that hold quotes or unset variables.
    const environment = new Map<string, string>();
    const wrong: string[] = [];
    for (const line of readFileSync(`${TABLES}/wordsTest`, "utf8").split("\n")) {
      if (line.startsWith("#") || line === "") continue;
      if (line.startsWith("ENV ")) {
        const [name, value] = splitOnce(line.slice(4).trimStart(), "=");
        environment.set(name, value);
        continue;
      }
      const [input, expected] = splitOnce(line, "|");
      if ("rawQuotes" in options && /["']|hi}bye/.test(input)) continue;
      const found = outcome(() => expand(input.trim(), environment, options).words.join(","));
      if (found !== expected.replace(/^ +/, "")) wrong.push(`${line} -> ${found}`);
    }
    expect(wrong).toEqual([]);
  },
);

const MODIFIERS = readFileSync(new URL("modifiers.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("# "))
  .map((line) => line.split(" | "));

test.each(MODIFIERS)("%s with %s is %s", (word = "", variables = "", expected = "") => {
  const environment = new Map(variables === "-" ? [] : variables.split(" ").map((pair) => splitOnce(pair, "=")));
  expect(outcome(() => expand(word, environment).text)).toBe(expected);
});

test("says which names were set and which were not", () => {
  const { matched, unmatched } = expand("$A ${B:-$C} '$D'", new Map([["A", "1"]]));
  expect([...matched]).toEqual(["A"]);
  expect([...unmatched]).toEqual(["C", "B"]);
});

test("the escape character can be another one", () => {
  expect(expand("C:\\dir`$A", new Map(), { escape: "`" }).text).toBe("C:\\dir$A");
});

test("in a heredoc quotes are characters", () => {
  expect(expand(`don't "$A"`, new Map([["A", "1"]]), { ignoreQuotes: true }).text).toBe(`don't "1"`);
});

test("a variable that must be set is asked for by name", () => {
  expect(() => expand("${VERSION:?which one}", new Map([["VERSION", ""]]))).toThrow(
    expect.objectContaining({ code: "DOCKERFILE_VARIABLE_REQUIRED", message: "VERSION: which one" }),
  );
});

const hostile = fc
  .array(
    fc.constantFrom(
      "$",
      "{",
      "}",
      ":",
      "-",
      "+",
      "?",
      "#",
      "%",
      "/",
      "\\",
      "'",
      '"',
      "*",
      "a",
      "B",
      " ",
      "<",
      "é",
      "\udcff",
      "1",
    ),
    {
      maxLength: 60,
    },
  )
  .map((parts) => parts.join(""));

test("any word expands or is refused with a code", () => {
  fc.assert(
    fc.property(hostile, fc.boolean(), fc.boolean(), fc.boolean(), (word, rawQuotes, rawEscapes, keepUnset) => {
      try {
        expand(word, new Map([["a", "x*y/z"]]), { rawQuotes, rawEscapes, keepUnset });
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
      }
    }),
    { numRuns: 3000 },
  );
});

test("a word without special characters is itself", () => {
  fc.assert(fc.property(fc.stringMatching(/^[a-zA-Z0-9 =.,é한-]*$/), (word) => expand(word, new Map()).text === word));
});

test("deep nesting is refused, not followed to the end of the stack", () => {
  expect(outcome(() => expand("${a:-".repeat(100_000), new Map()).text)).toBe("error");
});

test("a pattern of many stars takes no time", () => {
  const started = performance.now();
  const value = "a".repeat(2000);
  expect(expand(`\${v##${"*a".repeat(30)}b}`, new Map([["v", value]])).text).toBe(value);
  expect(performance.now() - started).toBeLessThan(2000);
});

function outcome(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof AppError) return "error";
    throw error;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
