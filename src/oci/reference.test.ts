import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { familiarReference, formatReference, parseReference, repositoryName, withDefaultTag } from "./reference.ts";

const INVALID = expect.objectContaining({ code: "REFERENCE_INVALID", hint: expect.any(String) });
const rows = readFileSync(new URL("reference.table.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.replaceAll(/\bD\b/g, "a".repeat(64)).replaceAll(":E", `:${"b".repeat(128)}`))
  .map((line) => line.split(/ ?-> /) as [text: string, expected: string]);

test.each(rows)("%s -> %s", (text, expected) => {
  if (expected === "!") {
    expect(() => parseReference(text)).toThrow(INVALID);
    return;
  }
  const reference = parseReference(text);
  expect(`${formatReference(reference)} ${familiarReference(reference)}`).toBe(expected);
});

test("an upper-case name is refused in docker's words, with the name to write", () => {
  expect(() => parseReference("ghcr.io/Owner/App:v1")).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("repository name (Owner/App) must be lowercase"),
      hint: "Write ghcr.io/owner/app:v1.",
    }),
  );
});

test("hints say what to write instead", () => {
  const hint = (text: string): string => {
    try {
      parseReference(text);
    } catch (error) {
      return (error as { hint: string }).hint;
    }
    return "";
  };
  expect(hint("https://ghcr.io/a/b")).toContain("Leave out https://");
  expect(hint("a".repeat(64))).toContain("@sha256:");
  expect(hint("alpine:v1+build")).toContain("A tag has");
});

test("a path has at most 255 characters, a tag 128", () => {
  const path = "a".repeat(255);
  expect(parseReference(`example.com/${path}`).path).toBe(path);
  expect(() => parseReference(`example.com/${path}a`)).toThrow(INVALID);
  expect(parseReference(`alpine:${"t".repeat(128)}`).tag).toHaveLength(128);
  expect(() => parseReference(`alpine:${"t".repeat(129)}`)).toThrow(INVALID);
});

test("hostile text is refused at once", () => {
  const start = performance.now();
  for (const text of ["a-".repeat(500_000), "a".repeat(1_000_000), `${"a.".repeat(500)}!/b`, `${"a-".repeat(500)}/b`]) {
    expect(() => parseReference(text)).toThrow(INVALID);
    expect(() => parseReference(text)).toThrow(/^.{1,3000}$/);
  }
  expect(performance.now() - start).toBeLessThan(1000);
});

test("parts are put in and left out", () => {
  const digest = digestOf(Buffer.from("x"));
  const completed = (text: string): string => formatReference(withDefaultTag(parseReference(text)));
  expect(repositoryName(parseReference("grafana/loki:v1"))).toBe("docker.io/grafana/loki");
  expect(completed("grafana/loki")).toBe("docker.io/grafana/loki:latest");
  expect(completed("grafana/loki:v1")).toBe("docker.io/grafana/loki:v1");
  expect(completed(`grafana/loki@${digest}`)).toBe(`docker.io/grafana/loki@${digest}`);
  expect(completed(`grafana/loki:v1@${digest}`)).toBe(`docker.io/grafana/loki:v1@${digest}`);
});

const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:[._]|__|-{1,2})[a-z0-9]{1,3}){0,2}$/);
const domain = fc.oneof(
  fc.constantFrom("docker.io", "localhost", "localhost:5000", "[::1]:5000", "ghcr.io", "UPPER"),
  fc.stringMatching(/^[a-zA-Z0-9]{1,5}\.[a-z]{2,3}(?::[0-9]{1,5})?$/),
);
const references = fc
  .record({
    domain,
    path: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/), { nil: undefined }),
    digest: fc.option(
      fc.string().map((text) => digestOf(Buffer.from(text))),
      { nil: undefined },
    ),
  })
  .map(({ domain: host, path, tag, digest }) => ({
    domain: host,
    path: host === "docker.io" && !path.includes("/") ? `library/${path}` : path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  }));

test("both forms of a reference read back as it", () => {
  fc.assert(
    fc.property(references, (reference) => {
      expect(parseReference(formatReference(reference))).toEqual(reference);
      expect(parseReference(familiarReference(reference))).toEqual(reference);
    }),
  );
});

test("any text is read or refused", () => {
  const pieces = fc.constantFrom("a", "A", "-", "_", ".", "/", ":", "@", "localhost", "docker.io", "sha256:", "é", " ");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        const reference = parseReference(parts.join(""));
        expect(parseReference(familiarReference(reference))).toEqual(reference);
      } catch (error) {
        expect(error).toEqual(INVALID);
      }
    }),
  );
});
