import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AppError } from "../../base/errors.ts";
import { openDirectory, openNamedDirectory } from "./directory.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "context-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
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

test("finds Dockerfile and .dockerignore", () => {
  write({ Dockerfile: "FROM a\n", dockerfile: "FROM b\n", ".dockerignore": "x\n" });
  expect(openDirectory(root)).toEqual({
    directory: root,
    dockerfile: { name: "Dockerfile", text: "FROM a\n" },
    ignore: ["x"],
  });
});

test("finds dockerfile where that is all there is", () => {
  write({ dockerfile: "FROM b\n" });
  expect(openDirectory(root).dockerfile).toEqual({ name: "dockerfile", text: "FROM b\n" });
});

test("-f names another one, and its own ignore file counts, even if empty", () => {
  write({ "app/api.Dockerfile": "FROM a\n", "app/api.Dockerfile.dockerignore": "", "ctx/.dockerignore": "x\n" });
  write({ "bom/dockerfile": "FROM a\n", "bom/.dockerignore": "\ufeffx\n" });
  expect(openDirectory(join(root, "bom")).ignore).toEqual(["x"]);
  const context = openDirectory(join(root, "ctx"), join(root, "app/api.Dockerfile"));
  expect([context.dockerfile.name, context.ignore]).toEqual([join(root, "app/api.Dockerfile"), []]);
});

test("a context that is not there, or is a file", () => {
  write({ Dockerfile: "FROM a\n" });
  expect(refusal(() => openDirectory(join(root, "nope"))).code).toBe("CONTEXT_NOT_FOUND");
  expect(refusal(() => openDirectory(join(root, "Dockerfile"))).code).toBe("CONTEXT_NOT_DIRECTORY");
  expect(refusal(() => openDirectory(join(root, "Dockerfile/x"))).code).toBe("CONTEXT_NOT_FOUND");
});

test("a directory for a Dockerfile is named, the context itself too", () => {
  expect(refusal(() => openDirectory(root, root)).message).toBe(`${root} is a directory, expected a file`);
});

test("a named context that is not there: with flag and name", () => {
  const { message, hint } = refusal(() => openNamedDirectory(join(root, "nope"), "stuff"));
  expect(message).toBe(`--build-context stuff: ${join(root, "nope")} does not exist`);
  expect(hint).toContain("--build-context stuff=PATH");
});

test("a Dockerfile that is not there: says what is", () => {
  write({ "Dockerfile.dev": "FROM a\n", "main.go": "" });
  const error = refusal(() => openDirectory(root));
  expect([error.code, error.message, error.hint]).toEqual([
    "DOCKERFILE_NOT_FOUND",
    `no Dockerfile in ${root}: it holds Dockerfile.dev, main.go`,
    `Did you mean -f ${join(root, "Dockerfile.dev")}?`,
  ]);
  expect(refusal(() => openDirectory(root, join(root, "x/Dockerfile"))).message).toContain("does not exist");
  expect(refusal(() => openDirectory(root, root)).message).toContain("a directory");
});

test("a link out of the context is not followed, unless -f names it", () => {
  write({ "ctx/main.go": "", "other/Dockerfile": "FROM a\n", "other/secret": "s\n" });
  symlinkSync("../other/Dockerfile", join(root, "ctx/Dockerfile"));
  expect(refusal(() => openDirectory(join(root, "ctx"))).code).toBe("CONTEXT_ESCAPE");
  expect(openDirectory(join(root, "ctx"), join(root, "ctx/Dockerfile")).dockerfile.text).toBe("FROM a\n");
  symlinkSync("../other/secret", join(root, "ctx/.dockerignore"));
  expect(refusal(() => openDirectory(join(root, "ctx"), join(root, "ctx/Dockerfile"))).code).toBe("CONTEXT_ESCAPE");
});

test("what is far too large for a Dockerfile is not read", () => {
  write({ Dockerfile: "FROM a\n" });
  truncateSync(join(root, "Dockerfile"), 2 ** 24 + 1);
  expect(refusal(() => openDirectory(root)).code).toBe("DOCKERFILE_TOO_LARGE");
});

test("a bad pattern is refused at its line", () => {
  write({ Dockerfile: "FROM a\n", ".dockerignore": "ok\n[\n" });
  const error = refusal(() => openDirectory(root));
  expect([error.code, error.source?.file.name, error.source?.start.line]).toEqual([
    "IGNORE_PATTERN_INVALID",
    ".dockerignore",
    2,
  ]);
});
