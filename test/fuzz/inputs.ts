import { existsSync, readFileSync, readdirSync } from "node:fs";
import fc from "fast-check";
import { readCases } from "../../src/frontend/dockerfile/lint/cases.ts";

/** Dockerfiles that are almost right, and some that are nothing at all. */
export function dockerfiles(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 12, arbitrary: likely() },
    { weight: 3, arbitrary: written() },
    { weight: 6, arbitrary: mutated(fc.oneof(fc.constantFrom(...corpus()), likely())) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")) },
  );
}

/** Words to be expanded. */
export const WORD: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "$",
        "${",
        "}",
        "'",
        '"',
        "\\",
        "`",
        ":",
        "-",
        "+",
        "?",
        "#",
        "##",
        "%",
        "%%",
        "/",
        "//",
        "*",
        "[",
      ),
      fc.constantFrom(
        "A",
        "B",
        "é",
        "한",
        "1",
        "@",
        " ",
        "\t",
        "x",
        "=",
        ",",
        "]",
        "!",
        "^",
        "a-z",
        "<<",
        "\n",
        "(",
        "|",
      ),
      fc.constantFrom("$A", "${B}", "${A:-x}", "${B#*/}", "${A//x/y}", "${B:?no}", "${A%%[a", "\ud800", "\udc80", "\0"),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(""));

/** Instructions as they should be, and one whose values are anything. */
function likely(): fc.Arbitrary<string> {
  const plain = fc.array(fc.constantFrom(...PLAIN), { maxLength: 4 });
  return fc
    .tuple(plain, odd(), plain)
    .map(([before, line, after]) => ["FROM a AS s", "ARG A=x/y B", "ENV C=$A", ...before, line, ...after].join("\n"));
}

const PLAIN = [
  "COPY --from=s a b",
  "WORKDIR $A",
  "RUN x $B",
  "FROM s AS t",
  "EXPOSE 80",
  'CMD ["x"]',
  "ONBUILD RUN <<E\nx\nE",
  "ONBUILD COPY --from=s x y",
  "COPY <<E <<-F /d/\n$A\nE\n\ty\n\tF",
  "LABEL a=b \\\n c=d",
  "# check=skip=all",
  "HEALTHCHECK --interval=1s CMD x",
  "FROM --platform=$BUILDPLATFORM busybox",
] as const;

/** By instruction, the flags that it has and a tail that it may have. */
const SHAPES: readonly (readonly [keyword: string, flags: string, tail: string])[] = [
  ["FROM", "platform", ""],
  ["FROM", "platform", " AS u"],
  ["ARG", "", ""],
  ["ENV", "", "=x"],
  ["ENV", "", " x"],
  ["LABEL", "", "=$C"],
  ["RUN", "mount network security", " true"],
  ["RUN", "mount", ""],
  ["COPY", "from chown chmod link parents exclude", " /d/"],
  ["ADD", "chown chmod link exclude checksum keep-git-dir unpack", " /d/"],
  ["WORKDIR", "", ""],
  ["USER", "", ""],
  ["EXPOSE", "", ""],
  ["VOLUME", "", ""],
  ["STOPSIGNAL", "", ""],
  ["CMD", "", ""],
  ["ENTRYPOINT", "", ""],
  ["SHELL", "", ""],
  ["HEALTHCHECK", "interval timeout start-period start-interval retries", " CMD x"],
  ["MAINTAINER", "", ""],
  ["ONBUILD COPY", "chown from", " /d"],
  ["ONBUILD RUN", "mount", ""],
  ["ONBUILD ENV", "", "=$B"],
];

function odd(): fc.Arbitrary<string> {
  return fc.constantFrom(...SHAPES).chain(([keyword, flags, tail]) => {
    const names = flags === "" ? [] : flags.split(" ");
    const one = fc
      .tuple(fc.constantFrom(...names, ...(names.length === 0 ? ["x"] : [])), fc.oneof(mount(), value()))
      .map(([name, text]) => `--${name}=${text.replaceAll(/\s/g, "_")}`);
    return fc
      .tuple(names.length === 0 ? fc.constant([]) : fc.array(one, { maxLength: 2 }), argument())
      .map(([given, text]) => [keyword, ...given, text.replaceAll("\n", " ")].join(" ") + tail);
  });
}

function value(): fc.Arbitrary<string> {
  return fc.oneof(WORD, fc.constantFrom(...VALUES));
}

const VALUES = [
  "true",
  "false",
  "s",
  "t",
  "0",
  "1s",
  "none",
  "host",
  "u=rwX,go=",
  "755",
  "1:2",
  "$A",
  "linux/arm64",
  "$B",
];

function written(): fc.Arbitrary<string> {
  const line = fc.oneof(
    { weight: 8, arbitrary: instruction() },
    { weight: 2, arbitrary: heredoc() },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "# escape=`",
        "# check=skip=all",
        "# check=error=true",
        "# syntax=x",
        "#",
        "",
        " \\",
        "`",
      ),
    },
  );
  const end = fc.constantFrom("\n", "\n", "\n", "\r\n", " \\\n", "\n\n", "");
  return fc
    .array(fc.tuple(line, end), { maxLength: 12 })
    .chain((lines) =>
      fc.constantFrom("FROM a\n", "ARG A=b\nFROM $A AS s\n", "").map((head) => head + lines.flat().join("")),
    );
}

const KEYWORDS =
  "FROM ARG ENV LABEL RUN COPY ADD WORKDIR USER EXPOSE VOLUME STOPSIGNAL CMD ENTRYPOINT SHELL HEALTHCHECK MAINTAINER ONBUILD";

function instruction(): fc.Arbitrary<string> {
  const keyword = fc.oneof(
    fc.constantFrom(...KEYWORDS.split(" ")),
    fc.constantFrom("from", "Run", "ONBUILD RUN", "FORM"),
  );
  return fc
    .tuple(keyword, fc.array(flag(), { maxLength: 3 }), fc.array(argument(), { maxLength: 4 }))
    .chain(([name, flags, words]) =>
      fc.constantFrom(" ", " ", "  ", "\t", " \\\n  ").map((gap) => [name, ...flags, ...words].join(gap)),
    );
}

function flag(): fc.Arbitrary<string> {
  const names =
    "platform from chown chmod link parents exclude checksum keep-git-dir unpack mount network security device " +
    "interval timeout start-period retries x";
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...names.split(" ")), fc.oneof(mount(), value()))
      .map(([name, text]) => `--${name}=${text}`),
    fc.constantFrom(...names.split(" ")).map((name) => `--${name}`),
    fc.constantFrom("--", "-", "--=x"),
  );
}

function mount(): fc.Arbitrary<string> {
  const keys = "type target dst source src from id sharing size mode uid gid ro rw readonly required env";
  const value = fc.oneof(
    fc.constantFrom(
      "bind",
      "cache",
      "tmpfs",
      "secret",
      "ssh",
      "/x",
      "s",
      "a",
      "0",
      "0755",
      "1k",
      "private",
      "locked",
      "true",
    ),
    WORD,
  );
  return fc
    .array(
      fc.tuple(fc.constantFrom(...keys.split(" ")), value).map(([key, text]) => `${key}=${text}`),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(","));
}

function argument(): fc.Arbitrary<string> {
  return fc.oneof(
    WORD,
    fc.constantFrom(
      "a",
      "AS",
      "s",
      "scratch",
      "A=b",
      "a b",
      "80/tcp",
      "1-70000",
      "NONE",
      "CMD",
      '["x", "y"]',
      '["x", 1]',
      "[",
    ),
    fc.constantFrom(
      "https://e.x/f",
      "git@e.x:f.git#b:c",
      "https://e.x/f.git?ref=x",
      "<<E",
      "../..",
      "/./x",
      "**/*.go",
      ".",
    ),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
}

function heredoc(): fc.Arbitrary<string> {
  const name = fc.constantFrom("E", "'E'", '"E"', "-E", "-'E F'", "3E", "$E", "E\\", "../E", "E'", "");
  return fc
    .tuple(
      fc.constantFrom("RUN", "COPY", "ADD", "ONBUILD RUN", "RUN cat", "COPY --chown=1"),
      name,
      name,
      WORD,
      argument(),
    )
    .chain(([start, first, second, text, rest]) =>
      fc
        .constantFrom(`E\n`, `E\nE\n`, `\tE\n`, `E F\n`, "")
        .map((end) => `${start} <<${first} <<${second} ${rest}\n${text}\n${end}`),
    );
}

/** A text with some characters gone, doubled, changed or moved. */
function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const change = fc.tuple(fc.constantFrom("cut", "insert", "double", "move"), place, place, WORD);
  return fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 5 })).map(([text, changes]) =>
    changes.reduce((before, [kind, a, b, piece]) => {
      const [from, to] = [a, b].map((part) => Math.floor(part * before.length)).sort((x, y) => x - y) as [
        number,
        number,
      ];
      const part = before.slice(from, Math.min(to, from + 40));
      switch (kind) {
        case "cut":
          return before.slice(0, from) + before.slice(from + part.length);
        case "insert":
          return before.slice(0, from) + piece + before.slice(from);
        case "double":
          return before.slice(0, to) + part + before.slice(to);
        default:
          return before.slice(0, from) + before.slice(from + part.length, to) + part + before.slice(to);
      }
    }, text),
  );
}

const GOLDENS = "../shared/conformance/dockerfile-parser";

function corpus(): readonly string[] {
  const goldens = ["positive", "negative"].flatMap((kind) =>
    existsSync(`${GOLDENS}/${kind}`)
      ? readdirSync(`${GOLDENS}/${kind}`).map((name) => readFileSync(`${GOLDENS}/${kind}/${name}/Dockerfile`, "utf8"))
      : [],
  );
  return [...readCases().map(({ dockerfile }) => dockerfile), ...goldens];
}
