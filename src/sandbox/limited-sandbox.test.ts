import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { limitFailure } from "./limited-sandbox.ts";
import { RunFailure } from "./run-failure.ts";

const limits = { memory: 64 * 1024 ** 2, pids: 20 };
const failed = new RunFailure("the command failed: exit code 2", 2);

test("a failure that limits had no part in stays as it is", () => {
  expect(limitFailure(failed, { oomKills: 0, refusedForks: 0 }, limits)).toBe(failed);
  const other = new AppError("CANCELLED", "x");
  expect(limitFailure(other, { oomKills: 1, refusedForks: 1 }, limits)).toBe(other);
});

test.each([
  [failed, { oomKills: 1, refusedForks: 3 }, 2, "out of memory (limit 64 MiB): exit code 2"],
  [new AppError("SANDBOX_FAILED", "killed"), { oomKills: 1, refusedForks: 0 }, 137, "exit code 137"],
  [failed, { oomKills: 0, refusedForks: 3 }, 2, "exit code 2; processes could not be started"],
])("%s with %j", (error, events, exitCode, message) => {
  const told = limitFailure(error, events, limits) as RunFailure;
  expect(told).toBeInstanceOf(RunFailure);
  expect(told.exitCode).toBe(exitCode);
  expect(told.message).toContain(message);
});
