import { expect, test } from "vitest";
import { Hidden } from "./hidden.ts";
import { redactUserinfo } from "./redact.ts";

test.each([
  ["ADD https://user:p@ss@host/a /b", "ADD https://xxxxx:xxxxx@host/a /b"],
  ["https://token@host/a", "https://xxxxx@host/a"],
  ["https://host/a@b", "https://host/a@b"],
  ["https://host/?x=a:b@c", "https://host/?x=a:b@c"],
  ["ssh://git@host/a and http://:pw@h", "ssh://git@host/a and http://xxxxx:xxxxx@h"],
  ["git@host:a/b.git", "git@host:a/b.git"],
])("%s is shown as %s", (text, shown) => {
  expect(redactUserinfo(text)).toBe(shown);
});

test("what is hidden is in no JSON", () => {
  const hidden = new Hidden("secret");
  expect(JSON.stringify({ hidden })).toBe('{"hidden":"[hidden]"}');
  expect(hidden.reveal()).toBe("secret");
});
