import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { lineRange } from "../base/source.ts";
import type { SourceFile } from "../base/source.ts";
import { renderError } from "./error.ts";

const file: SourceFile = {
  name: "Dockerfile",
  text: "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY go.mod go.sum ./\n\tRUN   go mod dwnload && \\\n    go build -o /app .\n\nFROM scratch\nCOPY --from=biuld /app /app\n",
};
const OPTIONS = { color: false, columns: 80 };

test("an error shows its lines and what to do", () => {
  const error = new AppError("RUN_FAILED", "RUN go mod dwnload && go build -o /app .: exit code 2", {
    hint: "Read the output above.",
    source: lineRange(file, 4, 5),
  });
  expect(renderError(error, OPTIONS)).toMatchInlineSnapshot(`
    "error[RUN_FAILED]: RUN go mod dwnload && go build -o /app .: exit code 2
      --> Dockerfile:4
    2   | WORKDIR /src
    3   | COPY go.mod go.sum ./
    4 > |     RUN   go mod dwnload && \\
    5 > |     go build -o /app .
    6   |
    7   | FROM scratch
    help: Read the output above.
    "
  `);
});

test("a part of a line is underlined", () => {
  const source = { file, start: { line: 8, column: 13 }, end: { line: 8, column: 18 } };
  const error = new AppError("DOCKERFILE_UNKNOWN_STAGE", 'stage "biuld" is not known', {
    source,
    hint: "Did you mean build?",
  });
  expect(renderError(error, OPTIONS)).toMatchInlineSnapshot(`
    "error[DOCKERFILE_UNKNOWN_STAGE]: stage "biuld" is not known
      --> Dockerfile:8:13
    6   |
    7   | FROM scratch
    8 > | COPY --from=biuld /app /app
        |             ^^^^^
    help: Did you mean build?
    "
  `);
});

test("the underline stands below what is meant, tabs and wide characters before it", () => {
  const text = "\tRUN 你好 bad thing";
  const start = text.indexOf("bad") + 1;
  const source = { file: { name: "D", text }, start: { line: 1, column: start }, end: { line: 1, column: start + 3 } };
  expect(renderError(new AppError("X", "m", { source }), OPTIONS)).toMatchInlineSnapshot(`
    "error[X]: m
      --> D:1:9
    1 > |     RUN 你好 bad thing
        |              ^^^
    "
  `);
});

test("without place or hint there is one line", () => {
  expect(renderError(new AppError("INTERRUPTED_SIGINT", "interrupted"), OPTIONS)).toBe(
    "error[INTERRUPTED_SIGINT]: interrupted\n",
  );
});

test("colours only where asked", () => {
  const error = new AppError("X", "m", { hint: "h", source: lineRange(file, 1) });
  expect(renderError(error, OPTIONS)).not.toContain("\x1b");
  expect(renderError(error, { ...OPTIONS, color: true })).toContain("\x1b[31m");
});

test("an error fits on a screen, whatever its text", () => {
  const long: SourceFile = {
    name: "Dockerfile",
    text: Array.from({ length: 500 }, (_, n) => `RUN step ${n} \\`).join("\n"),
  };
  const error = new AppError("X", Array.from({ length: 500 }, (_, n) => `line ${n}`).join("\n"), {
    hint: "a\n".repeat(100),
    source: lineRange(long, 10, 400),
  });
  const lines = renderError(error, OPTIONS).split("\n");
  expect(lines.length).toBeLessThanOrEqual(45);
  expect(
    renderError(
      new AppError("X", "m".repeat(1e6), { source: lineRange({ name: "D", text: "x".repeat(1e6) }, 1) }),
      OPTIONS,
    ).length,
  ).toBeLessThan(3000);
});

test("a place outside of the file is named, not shown", () => {
  const source = lineRange({ name: "Dockerfile", text: "FROM x" }, 7);
  expect(renderError(new AppError("X", "m", { source }), OPTIONS)).toBe("error[X]: m\n  --> Dockerfile:7\n");
});

test("hostile text drives no terminal", () => {
  const evil = "a\x1b[2Jb\u202e\x07\u009b1mc\r";
  const error = new AppError(evil, evil, {
    hint: evil,
    source: lineRange({ name: evil, text: evil }, 1),
    cause: new Error(evil),
  });
  const text = renderError(error, { ...OPTIONS, debug: true });
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
});

test("causes are shown for debugging only", () => {
  const root = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const error = new AppError("REGISTRY_UNREACHABLE", "m", { cause: new Error("outer", { cause: root }) });
  expect(renderError(error, OPTIONS)).toBe("error[REGISTRY_UNREACHABLE]: m\n");
  const text = renderError(error, { ...OPTIONS, debug: true });
  expect(text).toMatch(/caused by: Error: outer\n[^]*caused by: Error\[ECONNREFUSED\]: connect ECONNREFUSED\n\s+at /);
});

test("a chain of causes that bites its tail ends", () => {
  const error = new AppError("X", "m", { cause: "text" });
  const loop = new Error("loop");
  loop.cause = loop;
  expect(renderError(error, { ...OPTIONS, debug: true })).toContain("caused by: text");
  expect(renderError(new AppError("X", "m", { cause: loop }), { ...OPTIONS, debug: true })).toContain("loop");
});
