import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppError } from "../../base/errors.ts";
import { gitStep, parseGitAddress } from "./git-address.ts";

const plain = { byCommit: false, directory: "", ambiguous: false };

test.each([
  ["https://example.com/foo.git", { remote: "https://example.com/foo.git" }],
  ["https://example.com/foo.git#release/1.2", { remote: "https://example.com/foo.git", ref: "release/1.2" }],
  [
    "https://github.com/a/b.git#baz/qux:quux/quuz",
    { remote: "https://github.com/a/b.git", ref: "baz/qux", directory: "quux/quuz" },
  ],
  ["https://h/d.git#:myfolder", { remote: "https://h/d.git", directory: "myfolder" }],
  ["https://h/d.git#:../../up", { remote: "https://h/d.git", directory: "up" }],
  ["git://example.com/foo", { remote: "git://example.com/foo" }],
  ["ssh://git@example.com:2222/foo", { remote: "ssh://git@example.com:2222/foo" }],
  ["git@github.com:moby/buildkit", { remote: "git@github.com:moby/buildkit" }],
  [
    "git@github.com:moby/b.git?subdir=/subdir#v1",
    { remote: "git@github.com:moby/b.git", ref: "v1", directory: "subdir" },
  ],
  ["https://h/b.git?ref=v1.0.0&subdir=/subdir", { remote: "https://h/b.git", ref: "v1.0.0", directory: "subdir" }],
  ["https://h/b.git?subdir=s#v1", { remote: "https://h/b.git", ref: "v1", directory: "s" }],
  ["https://h/b.git?tag=v1", { remote: "https://h/b.git", ref: "refs/tags/v1" }],
  ["https://h/b.git?branch=v1", { remote: "https://h/b.git", ref: "refs/heads/v1" }],
  ["https://h/b.git?mtime=commit&commit=abc123", { remote: "https://h/b.git", checksum: "abc123" }],
  [
    "https://h/b.git?fetch-by-commit&checksum=de#refs/heads/x",
    { remote: "https://h/b.git", byCommit: true, checksum: "de", ref: "refs/heads/x" },
  ],
  ["https://h/b.git?submodules=0&keep-git-dir", { remote: "https://h/b.git", submodules: false, keepGitDir: true }],
  ["github.com/moby/buildkit#master", { remote: "https://github.com/moby/buildkit", ref: "master", ambiguous: true }],
] as const)("%s is a repository", (text, expected) => {
  expect(parseGitAddress(text)).toEqual({ ...plain, ...expected });
});

test.each([
  "https://example.com/",
  "https://example.com/foo",
  "https://example.com/foo.git/",
  "https://example.com/foo.git.bar",
  "http://github.com/docker/docker.git:#branch",
  "custom.xyz/moby/buildkit.git",
  "file:///srv/a.git",
  "ext::sh -c x",
  "./.git",
  ".git",
  "a b@c:d",
  "-o@host:x",
  "git@-oProxyCommand:x",
  "ssh://-oProxyCommand=touch/x.git",
])("%s is none", (text) => {
  expect(parseGitAddress(text)).toBeUndefined();
});

test.each([
  ["https://h/b.git?ref=v1#v2", "two things for ref"],
  ["https://h/b.git?ref=v1&tag=v2", "two things for ref"],
  ["https://h/b.git?tag=a&branch=a", "two things for ref"],
  ["https://h/b.git?subdir=a#x:b", "two things for subdir"],
  ["https://h/b.git?ref=", "no value for ref"],
  ["https://h/b.git?ref=a&ref=b", "more than once"],
  ["https://h/b.git?mtime=x", "mtime=x"],
  ["https://h/b.git?fetch-by-commit=x", "fetch-by-commit=x"],
  ["https://h/b.git?invalid=1", '"invalid"'],
  ["https://h/b.git?checksum=xyz", "hexadecimal"],
  ["https://h/b.git#--upload-pack=evil", "looks like an option"],
])("%s cannot be meant: %s", (text, message) => {
  expect(() => parseGitAddress(text)).toThrow(message);
});

test("a password is kept out of sight", () => {
  const address = parseGitAddress("https://me%40x:p%3Aw@h/b.git#main")!;
  expect(address.credentials?.reveal()).toBe("me@x:p:w");
  expect(JSON.stringify(gitStep(address))).not.toMatch(/p:w|me@x|p%3A/);
  expect(() => parseGitAddress("https://me:pw@h/b.git?x=1")).toThrow("https://xxxxx:xxxxx@h/b.git?x=1");
});

const PIECE = fc.constantFrom(
  ...[
    "https://",
    "ssh://",
    "git@",
    "h",
    "/",
    ":",
    "pw",
    "@",
    ".git",
    "#",
    "?",
    "&",
    "=",
    "ref",
    "subdir",
    "tag",
    "..",
    "-",
    "%2F",
    "%",
    "a b",
    "é",
  ],
);

test("any text is a repository, none, or refused by name; no password is left in it", () => {
  fc.assert(
    fc.property(fc.array(PIECE, { maxLength: 14 }), (pieces) => {
      const text = pieces.join("");
      let address: ReturnType<typeof parseGitAddress>;
      try {
        address = parseGitAddress(text);
      } catch (error) {
        expect((error as AppError).code).toBe("ADDRESS_INVALID");
        return;
      }
      if (address === undefined) return;
      expect(address.remote).not.toMatch(/^https?:\/\/[^/]*@|^-|[?#]/);
      expect(address.directory).not.toMatch(/^\/|(?:^|\/)\.\.(?:\/|$)/);
      expect(address.ref ?? "").not.toMatch(/^-/);
    }),
    { numRuns: 3000 },
  );
});
