import { expect, test } from "vitest";
import { credentialOf, parseAuthFile } from "./auth-file.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function credential(entry: object): unknown {
  const file = parseAuthFile(JSON.stringify({ auths: { r: entry } }), "f");
  return credentialOf(file.auths.get("r") ?? {}, "r", "f");
}

test.each<[object, object | undefined]>([
  [{ auth: base64("bob:pa:ss") }, { kind: "password", username: "bob", password: "pa:ss", source: "f" }],
  [{ auth: base64("bob:pass\0\0") }, { kind: "password", username: "bob", password: "pass", source: "f" }],
  [{ auth: base64("robot$ci+x:pä") }, { kind: "password", username: "robot$ci+x", password: "pä", source: "f" }],
  [{ auth: base64("bob:") }, { kind: "password", username: "bob", password: "", source: "f" }],
  [
    { username: "bob", password: "pass" },
    { kind: "password", username: "bob", password: "pass", source: "f" },
  ],
  [
    { auth: base64("bob:pass"), username: "eve", password: "x" },
    { kind: "password", username: "bob", password: "pass", source: "f" },
  ],
  [
    { auth: base64("0000:"), identitytoken: "t" },
    { kind: "identity-token", username: "0000", token: "t", source: "f" },
  ],
  [{ identitytoken: "t" }, { kind: "identity-token", username: undefined, token: "t", source: "f" }],
  [{ registrytoken: "t" }, { kind: "bearer", token: "t", source: "f" }],
  [{}, undefined],
  [{ auth: "" }, undefined],
  [{ email: "bob@example.com", auth: null }, undefined],
])("an entry %j is %j", (entry, expected) => {
  expect(credential(entry)).toEqual(expected);
});

test.each([
  ["no JSON", '{"auths": {"r": {"auth": "aHVudGVyMg==" hunter2'],
  ["an array", "[]"],
  ["auths that are a list", '{"auths": []}'],
  ["an entry that is a string", '{"auths": {"r": "hunter2"}}'],
  ["a password that is a number", '{"auths": {"r": {"username": "u", "password": 5}}}'],
  ["a helper that is a number", '{"credHelpers": {"r": 5}}'],
])("%s is told with the file's name and without its text", (_name, text) => {
  const read = (): unknown => parseAuthFile(text, "/home/bob/.docker/config.json");
  expect(read).toThrow(expect.objectContaining({ code: "CREDENTIALS_MALFORMED" }));
  expect(read).toThrow("/home/bob/.docker/config.json");
  expect(read).not.toThrow(/hunter2|aHVudGVyMg/);
});

test("an auth without a colon is malformed", () => {
  expect(() => credential({ auth: base64("hunter2") })).toThrow(
    expect.objectContaining({ code: "CREDENTIALS_MALFORMED" }),
  );
});

test("a byte order mark and unknown fields do not matter", () => {
  const file = parseAuthFile(
    '\uFEFF{"HttpHeaders": {"a": "b"}, "currentContext": "x", "credsStore": "", "auths": null}',
    "f",
  );
  expect([file.auths.size, file.credHelpers.size, file.credsStore]).toEqual([0, 0, undefined]);
});
