import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseChallenge, parseChallenges } from "./challenge.ts";

function read(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test.each<[string, string, [string, Record<string, string>][]]>([
  ["nothing", "", []],
  ["a bare scheme", "Negotiate", [["negotiate", {}]]],
  ["upper case", 'BASIC REALM="Nexus"', [["basic", { realm: "Nexus" }]]],
  [
    "docker's",
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      [
        "bearer",
        { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull,push" },
      ],
    ],
  ],
  [
    "several",
    'Negotiate, Basic realm="x", Bearer realm="y",service=z',
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
      ["bearer", { realm: "y", service: "z" }],
    ],
  ],
  [
    "a token68 that looks like a parameter",
    'Negotiate YII==, Basic realm="x"',
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  [
    "a comma in quotes",
    'Bearer realm="a,b Basic realm=c",service="d"',
    [["bearer", { realm: "a,b Basic realm=c", service: "d" }]],
  ],
  ["escapes", 'Basic realm="a\\"b\\\\c"', [["basic", { realm: 'a"b\\c' }]]],
  ["no quotes", "Bearer realm=https://a/t,service=s", [["bearer", { realm: "https://a/t", service: "s" }]]],
  ["spaces about the equals sign", 'Bearer realm = "r" , service= "s"', [["bearer", { realm: "r", service: "s" }]]],
  ["a quote that does not end", 'Bearer realm="abc', [["bearer", { realm: "abc" }]]],
  ["odd characters before", '@@ ,, Bearer realm="r"', [["bearer", { realm: "r" }]]],
  ["a parameter twice: the first", 'Bearer realm="a",realm="b"', [["bearer", { realm: "a" }]]],
  [
    "a parameter without a scheme",
    'realm="a"',
    [
      ["realm", {}],
      ["a", {}],
    ],
  ],
])("reads %s", (_name, header, expected) => {
  expect(read(header)).toEqual(expected);
});

test("bearer is chosen before basic, and only with a realm", () => {
  expect(chooseChallenge(parseChallenges('Basic realm="x", Bearer realm="y"'))?.scheme).toBe("bearer");
  expect(chooseChallenge(parseChallenges('Bearer service="y", Basic realm="x"'))?.scheme).toBe("basic");
  expect(chooseChallenge(parseChallenges("Negotiate, NTLM"))).toBeUndefined();
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/).map((text) => text.toLowerCase());
const parameters = fc.dictionary(token, fc.string({ unit: "grapheme-ascii", maxLength: 20 }), {
  maxKeys: 4,
  noNullPrototype: true,
});

test("reads back what was written, any number of challenges", () => {
  const quote = (value: string): string => `"${value.replace(/[\\"]/g, "\\$&")}"`;
  fc.assert(
    fc.property(fc.array(fc.tuple(token, parameters), { minLength: 1, maxLength: 4 }), (challenges) => {
      const header = challenges
        .map(
          ([scheme, values]) =>
            `${scheme} ${Object.entries(values)
              .map(([key, value]) => `${key}=${quote(value)}`)
              .join(", ")}`,
        )
        .join(", ");
      expect(read(header)).toEqual(challenges);
    }),
  );
});

test("ends on any text, in linear time", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseChallenges(text)));
  const start = performance.now();
  for (const piece of ['"', "a=", "\\", "a ", "=,", 'a="', "A/="]) parseChallenges(piece.repeat(16_384 / piece.length));
  expect(performance.now() - start).toBeLessThan(2000);
});
