import { expect, test } from "vitest";
import { callOf } from "./call.ts";

test.each([
  [{}, undefined],
  [{ call: "build" }, undefined],
  [{ check: true }, { method: "check", format: "docker", ignoreStatus: false }],
  [{ check: true, failOn: "never" }, { method: "check" }],
  [
    { call: "check,format=sarif,ignorestatus=true", check: true },
    { format: "sarif", ignoreStatus: true },
  ],
  [{ print: "targets,format=json" }, { method: "targets", format: "json" }],
])("%j is %j", (flags, expected) => {
  if (expected === undefined) expect(callOf(flags)).toBeUndefined();
  else expect(callOf(flags)).toMatchObject(expected);
});

test.each([
  [{ call: "outline", check: true }, "--call=outline and --call=check are asked for at once"],
  [{ call: "check", print: "targets" }, "at once"],
  [{ call: "build", check: true }, "at once"],
  [{ failOn: "error" }, "--fail-on error counts findings"],
  [{ failOn: "error", call: "outline" }, "--fail-on error counts findings"],
  [{ call: "" }, '"" is not known'],
  [{ call: "check,json" }, "json is not known"],
  [{ call: "outline,format=sarif" }, "there is no such format"],
])("%j is refused", (flags, message) => {
  expect(() => callOf(flags)).toThrow(
    expect.objectContaining({ code: "USAGE_INVALID", message: expect.stringContaining(message) as string }),
  );
});
