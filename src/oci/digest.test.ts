import { expect, test } from "vitest";
import { chainIds } from "./chain-id.ts";
import { digestAlgorithm, digestHex, digestOf, isDigest, parseDigest } from "./digest.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("the digest of bytes is their sha256", () => {
  expect(digestOf(new Uint8Array())).toBe(EMPTY);
  expect(digestOf(Buffer.from("{}"))).toBe("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
});

test("both algorithms are taken apart", () => {
  const long = parseDigest(`sha512:${"0a".repeat(64)}`);
  expect([digestAlgorithm(long), digestHex(long)]).toEqual(["sha512", "0a".repeat(64)]);
  expect([digestAlgorithm(parseDigest(EMPTY)), digestHex(parseDigest(EMPTY))]).toEqual(["sha256", EMPTY.slice(7)]);
});

test.each([
  "",
  "sha256",
  "sha256:",
  EMPTY.slice(7),
  EMPTY.slice(0, -1),
  `${EMPTY}0`,
  EMPTY.toUpperCase(),
  `sha256:${"A".repeat(64)}`,
  `sha256:${"g".repeat(64)}`,
  `${EMPTY}\n`,
  ` ${EMPTY}`,
  `sha256:../../../etc/passwd${"0".repeat(42)}`,
  `sha512:${"0".repeat(64)}`,
  `sha384:${"0".repeat(96)}`,
  `md5:${"0".repeat(32)}`,
  `__proto__:${"0".repeat(64)}`,
])("%j is no digest", (text) => {
  expect(isDigest(text)).toBe(false);
  expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "DIGEST_INVALID" }));
});

test("an algorithm that is none is named", () => {
  expect(() => parseDigest(`constructor:${"0".repeat(64)}`)).toThrow(
    'expected the algorithm sha256 or sha512, found "constructor"',
  );
});

test("a chainID names a layer and all below it", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => digestOf(Buffer.from(text)));
  if (!a || !b || !c) throw new Error("three digests");
  const second = digestOf(Buffer.from(`${a} ${b}`));
  expect(chainIds([])).toEqual([]);
  expect(chainIds([a])).toEqual([a]);
  expect(chainIds([a, b, c])).toEqual([a, second, digestOf(Buffer.from(`${second} ${c}`))]);
  expect(chainIds([b, a])[1]).not.toBe(second);
});
