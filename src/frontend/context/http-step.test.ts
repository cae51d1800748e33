import { expect, test } from "vitest";
import { httpStep } from "./http-step.ts";

test("a user and a password are kept out of the address, escaped or with a lone percent sign", () => {
  const step = httpStep(new URL("https://a%40b:p%zz@h.test/x"), "x");
  expect([step.url, step.credentials?.reveal()]).toEqual(["https://h.test/x", "a@b:p%zz"]);
});
