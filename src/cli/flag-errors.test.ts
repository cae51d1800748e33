import { run } from "@stricli/core";
import { expect, test } from "vitest";
import { app } from "./app.ts";
import type { CliContext } from "./context.ts";

test.each([
  [["build", "--progress", "bogus"], "error[USAGE_FLAGS]: --progress bogus: expected auto, plain"],
  [["build", "--no-cahce"], "error[USAGE_FLAGS]: --no-cahce is no flag, did you mean --no-cache?"],
  [["build", "--jobs", "--push"], "error[USAGE_FLAGS]: --jobs needs a value, found --push"],
  [["build", "--load=maybe"], "error[USAGE_FLAGS]: --load=maybe: expected true or false"],
  [["build", "--xyzzy"], "error[USAGE_FLAGS]: --xyzzy is no flag\n"],
  [["foo"], 'error[USAGE_COMMAND]: "foo" is no command: expected build, plan, lint\nhelp: manyarch --help'],
  [["lint", "-f", "x"], "error[USAGE_FLAGS]: -f is no flag"],
  [
    ["buidl"],
    'error[USAGE_COMMAND]: "buidl" is no command: expected build, plan, lint\nhelp: did you mean manyarch build?',
  ],
])("%j is refused in the form of all errors", async (argv, expected) => {
  let text = "";
  const stream = { write: (more: string) => void (text += more) };
  const process = { stdout: stream, stderr: stream, env: {}, exitCode: 0 };
  await run(app, argv, { process } as unknown as CliContext);
  expect(text.slice(0, expected.length)).toBe(expected);
  expect(text).toContain("\nhelp: ");
});
