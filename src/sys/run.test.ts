import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { run } from "./run.ts";

const env = { PATH: process.env["PATH"] };
const never = new AbortController().signal;

test("collects both outputs and the exit code", async () => {
  const result = await run(["sh", "-c", "echo out; echo err >&2; exit 3"], { env, signal: never });
  expect(result).toEqual({ code: 3, signal: null, stdout: "out\n", stderr: "err\n" });
  expect(await run(["sh", "-c", "kill -9 $$"], { env, signal: never })).toMatchObject({
    code: null,
    signal: "SIGKILL",
  });
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

test("a group ends as a whole, also who ignores being asked", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "manyarch-run-")), "pid");
  const stubborn = `sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 0.1; done' & cat; wait`;
  const running = run(["sh", "-c", stubborn], { env, timeout: 300, isGroup: true, signal: never });
  await expect(running).rejects.toMatchObject({ code: "PROCESS_TIMEOUT" });
  const pid = Number(readFileSync(file, "utf8"));
  for (let left = 100; left > 0 && existsSync(`/proc/${pid}`); left--) await sleep(20);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  rmSync(dirname(file), { recursive: true });
});

test("a group that has another user's rights by now cannot be ended, and is waited for", async () => {
  const kill = vi.spyOn(process, "kill").mockImplementation(() => {
    throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
  });
  try {
    const running = run(["sleep", "0.3"], { env, timeout: 50, isGroup: true, signal: never });
    await expect(running).rejects.toMatchObject({ code: "PROCESS_TIMEOUT" });
  } finally {
    kill.mockRestore();
  }
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

test("what is leashed ends with whoever started it, and all it started", async () => {
  const module = new URL("run.ts", import.meta.url).pathname;
  const script = `
    import { run } from ${JSON.stringify(module)};
    await run(["sh", "-c", "sleep 4321 & echo $! > \\"$1\\"; wait", "sh", process.argv[1]], {
      env: process.env, signal: new AbortController().signal, leashed: true,
    });`;
  const file = join(mkdtempSync(join(tmpdir(), "manyarch-run-")), "pid");
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script, file], { stdio: "ignore" });
  while (!existsSync(file) || readFileSync(file, "utf8") === "") await sleep(20);
  const pid = Number(readFileSync(file, "utf8"));
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  parent.kill("SIGKILL");
  for (let left = 100; left > 0 && existsSync(`/proc/${pid}`); left--) await sleep(20);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  rmSync(dirname(file), { recursive: true });
});

test("what is leashed says how it ended, and ends when it is aborted", async () => {
  const result = await run(["sh", "-c", "echo out; echo err >&2; exit 7"], { env, signal: never, leashed: true });
  expect(result).toMatchObject({ code: 7, stdout: "out\n", stderr: "err\n" });
  const stop = new AbortController();
  const running = run(["sh", "-c", "sleep 1000 & sleep 1000"], { env, signal: stop.signal, leashed: true });
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await expect(running).rejects.toThrow("enough");
});
