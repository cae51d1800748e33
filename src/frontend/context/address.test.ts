import { expect, test } from "vitest";
import { isAddress, parseAddress } from "./address.ts";
import { isGitTransport } from "./git-address.ts";

/** As BuildKit has it (dfgitutil.ParseGitRef, isHTTPSource), but for what a program could take for an option. */
test.each([
  // Over HTTP `.git` at the end of the path makes a repository.
  ["https://example.com/", "http"],
  ["http://example.com/foo", "http"],
  ["https://example.com/foo.git", "git"],
  ["https://example.com/foo.git#deadbeef:dir", "git"],
  ["https://example.com/foo.git?ref=v1", "git"],
  ["https://user:pw@example.com/foo.git", "git"],
  ["https://example.com/foo.git/", "http"],
  ["https://example.com/foo.git.bar", "http"],
  ["https://github.com/moby/buildkit", "http"],
  ["https://example.com/x?y=foo.git", "http"],
  // The scheme of a repository may be in capitals, that of a file may not.
  ["HTTPS://example.com/foo.git", "git"],
  ["HTTPS://example.com/foo", "path"],
  ["git://example.com/foo", "git"],
  ["ssh://git@example.com:2222/foo", "git"],
  ["git@github.com:moby/buildkit", "git"],
  ["me_2-x@host:dir/x.git?subdir=s#v1", "git"],
  ["git@host:", "git"],
  ["github.com/moby/buildkit", "bare"],
  ["github.com/moby/buildkit#master", "bare"],
  // Paths, also where they look like something.
  [".git", "path"],
  ["./git@host:x", "path"],
  ["../https://x", "path"],
  ["/git@host:x", "path"],
  ["dir/git@host:x", "path"],
  ["git@host/x", "path"],
  ["a b@c:d", "path"],
  ["x.git", "path"],
  ["custom.xyz/moby/buildkit.git", "path"],
  ["Github.com/moby/buildkit", "path"],
  ["github.com", "path"],
  ["https:/x", "path"],
  ["httpsx://x", "path"],
  ["ftp://example.com/x", "path"],
  ["file:///srv/a.git", "path"],
  ["ext::sh -c x", "path"],
  ["-o@host:x", "path"],
  ["git@-oProxyCommand:x", "path"],
  ["git@host:-x", "path"],
  ["ssh://-oProxyCommand=touch/x.git", "path"],
  ["", "path"],
])("%s is of the kind %s", (text, kind) => {
  const address = parseAddress(text);
  const found = address?.kind === "git" && address.git.ambiguous ? "bare" : (address?.kind ?? "path");
  expect(found).toBe(kind);
  expect(isAddress(text)).toBe(kind === "http" || kind === "git");
  expect(isAddress(text, true)).toBe(kind !== "path");
});

test.each(["https://", "https://h:port/x", "https://example.com/a.git?unknown=1", "https://h/b.git#-x"])(
  "%s is an address that cannot be read",
  (text) => {
    expect(isAddress(text)).toBe(true);
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
  },
);

test("a submodule may come over HTTP from any path, and in no way that BuildKit does not know", () => {
  const texts = ["https://h/any/path", "ssh://git@h/x", "git@h:x", "git@h:-x", "../x", "ext::sh -c x", "file:///x"];
  expect(texts.filter(isGitTransport)).toEqual(["https://h/any/path", "ssh://git@h/x", "git@h:x"]);
});
