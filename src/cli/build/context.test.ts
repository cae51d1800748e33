import { expect, test } from "vitest";
import { parseContext, parseNamedContext } from "./context.ts";

const process = { env: {}, cwd: "/work", signal: new AbortController().signal };

const shown = (path: string | undefined, file?: string): unknown =>
  JSON.parse(JSON.stringify(parseContext(path, file, process)));

test.each([
  [undefined, undefined, { context: { kind: "directory", directory: "/work" } }],
  [
    "sub",
    "x",
    { context: { kind: "directory", directory: "/work/sub" }, dockerfile: { kind: "file", path: "/work/x" } },
  ],
  ["-", undefined, { context: { kind: "stdin" } }],
  ["-", "in", { context: { kind: "stdin" }, dockerfile: { kind: "inside", path: "in" } }],
  [".", "-", { context: { kind: "directory", directory: "/work" }, dockerfile: { kind: "stdin" } }],
  [
    "git@h:a/b#c",
    "/abs",
    { context: { kind: "address", address: "[hidden]" }, dockerfile: { kind: "file", path: "/abs" } },
  ],
  ["github.com/a/b", undefined, { context: { kind: "address", address: "[hidden]" } }],
  [
    "https://h/x.tgz",
    "https://h/D",
    { context: { kind: "address", address: "[hidden]" }, dockerfile: { kind: "address", address: "[hidden]" } },
  ],
])("PATH %s, -f %s", (path, file, expected) => {
  expect(shown(path, file)).toEqual(expected);
});

test.each([
  ["n=dir", { kind: "directory", directory: "/work/dir" }],
  ["N=docker-image://a/b:1", { kind: "image", name: "a/b:1" }],
  ["n=oci-layout://l:1", { kind: "layout", directory: "/work/l", tag: "1" }],
  ["n=oci-layout:///l", { kind: "layout", directory: "/l" }],
  ["n=oci-layout://l@sha256:ab", { kind: "layout", directory: "/work/l", digest: "sha256:ab" }],
  ["n=target:build", { kind: "stage", name: "build" }],
])("--build-context %s", (text, expected) => {
  expect(parseNamedContext(text, process)).toEqual(["n", expected]);
});

test.each(["n", "=x", "n=", "n=ftp://h/x"])("--build-context %s cannot be meant", (text) => {
  expect(() => parseNamedContext(text, process)).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
});
