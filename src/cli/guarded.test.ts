import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import type { CliContext } from "./context.ts";
import { guarded } from "./guarded.ts";

test.each([
  [{}, true],
  [{ NO_COLOR: "1" }, false],
  [{ TERM: "dumb" }, false],
])("an error on a terminal, with %j", async (env, isColored) => {
  let text = "";
  const stderr = { isTTY: true, columns: 80, write: (more: string) => void (text += more) };
  const { signal } = new AbortController();
  const context = { process: { stderr }, env, signal, exitCode: undefined } as unknown as CliContext;
  await guarded(context, false, () => Promise.reject(new AppError("USAGE_INVALID", "wrong")));
  expect([text.includes("\x1b["), context.exitCode]).toEqual([isColored, 2]);
});
