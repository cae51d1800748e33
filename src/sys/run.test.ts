import { expect, test } from "vitest";
import { requireSuccess, run } from "./run.ts";

const env = { PATH: process.env["PATH"] };
const never = new AbortController().signal;

test("collects both outputs and the exit code", async () => {
  const argv = ["sh", "-c", "echo out; echo err >&2; exit 3"];
  const result = await run(argv, { env, signal: never });
  expect(result).toEqual({ code: 3, signal: null, stdout: "out\n", stderr: "err\n" });
  expect(() => requireSuccess(argv, result)).toThrow(
    expect.objectContaining({ code: "PROCESS_FAILED", message: "sh exited with 3: err" }),
  );
  expect(() => requireSuccess(["sh"], { ...result, code: null, signal: "SIGSEGV" })).toThrow(/was ended by SIGSEGV/);
});

test("gives input, environment and directory, and nothing else of ours", async () => {
  const { stdout } = await run(["sh", "-c", "cat; pwd; env | grep -c ^HOME="], {
    env: { ...env, A: "1" },
    cwd: "/",
    input: "in\n",
    signal: never,
  });
  expect(stdout).toBe("in\n/\n0\n");
});

test("a program that does not read its input is fine", async () => {
  expect(await run(["true"], { env, input: Buffer.alloc(1 << 20), signal: never })).toMatchObject({ code: 0 });
});

test("what is not there cannot be started", async () => {
  await expect(run(["/no/such"], { env, signal: never })).rejects.toMatchObject({ code: "PROCESS_NOT_STARTED" });
  await expect(run(["true"], { env, cwd: "/no/such", signal: never })).rejects.toMatchObject({
    code: "PROCESS_NOT_STARTED",
  });
  await expect(run(["/etc/passwd"], { env, signal: never })).rejects.toMatchObject({ code: "PROCESS_NOT_STARTED" });
});

test("ends by time, though a child of its own holds the pipes", async () => {
  const start = Date.now();
  await expect(run(["sh", "-c", "sleep 5 & sleep 5"], { env, timeout: 100, signal: never })).rejects.toMatchObject({
    code: "PROCESS_TIMEOUT",
  });
  expect(Date.now() - start).toBeLessThan(1500);
});

test("is killed where it ignores being asked", async () => {
  const start = Date.now();
  await expect(
    run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], { env, timeout: 100, signal: never }),
  ).rejects.toMatchObject({
    code: "PROCESS_TIMEOUT",
  });
  expect(Date.now() - start).toBeGreaterThan(1900);
});

test("is bounded in what it says", async () => {
  await expect(run(["yes"], { env, maxOutput: 100_000, signal: never })).rejects.toMatchObject({
    code: "PROCESS_OUTPUT",
  });
});

test("an abort is its reason", async () => {
  const stop = new AbortController();
  const reason = new Error("stop");
  setTimeout(() => stop.abort(reason), 50);
  await expect(run(["sleep", "5"], { env, signal: stop.signal })).rejects.toBe(reason);
  await expect(run(["true"], { env, signal: stop.signal })).rejects.toBe(reason);
});
