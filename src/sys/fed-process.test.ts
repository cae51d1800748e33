import { expect, test } from "vitest";
import { feedProcess } from "./fed-process.ts";

const env = { PATH: process.env["PATH"] };
const { signal } = new AbortController();

test("what is written is its input, and it says how it ended", async () => {
  const fed = feedProcess(["sh", "-c", "wc -c; echo err >&2; exit 3"], { env, signal });
  for (let i = 0; i < 5; i++) await fed.write(Buffer.alloc(300_000));
  expect(await fed.end()).toEqual({ code: 3, signal: null, stdout: "1500000\n", stderr: "err\n" });
});

test("one that ends before it has read everything takes all the same", async () => {
  const fed = feedProcess(["false"], { env, signal });
  for (let i = 0; i < 20; i++) await fed.write(Buffer.alloc(1_000_000));
  expect(await fed.end()).toMatchObject({ code: 1 });
});

test("a letter that it says in two pieces is one", async () => {
  const fed = feedProcess(["sh", "-c", "printf '\\303'; sleep 0.1; printf '\\251'"], { env, signal });
  expect(await fed.end()).toMatchObject({ stdout: "é" });
});

test("one that is not there says so at its end", async () => {
  const fed = feedProcess(["/no/such"], { env, signal });
  await fed.write(Buffer.alloc(10));
  await expect(fed.end()).rejects.toMatchObject({ code: "PROCESS_NOT_STARTED" });
});

test("an abort ends it, also where it does not want to end, and comes before its start", async () => {
  const stop = new AbortController();
  const fed = feedProcess(["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"], {
    env,
    signal: stop.signal,
  });
  const reason = new Error("stop");
  setTimeout(() => stop.abort(reason), 100);
  await expect(fed.end()).rejects.toBe(reason);
  await expect(fed.write(Buffer.alloc(1))).rejects.toBe(reason);
  expect(() => feedProcess(["true"], { env, signal: stop.signal })).toThrow(reason);
}, 10_000);
