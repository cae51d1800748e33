import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { stopOnAbort } from "./stop-on-abort.ts";

test.each([
  ["is sent SIGTERM", "exec sleep 60", "SIGTERM"],
  ["is killed where it does not listen to that", "trap '' TERM; echo; while :; do sleep 1; done", "SIGKILL"],
])("what was not there yet when it should end %s", async (_, script, expected) => {
  const child = spawn("/bin/sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  if (expected === "SIGKILL") await once(child.stdout, "data");
  let looks = 0;
  const ended = new AbortController();
  const find = (): readonly number[] => (looks++ < 3 || child.signalCode !== null ? [] : [child.pid!]);
  await stopOnAbort(find, AbortSignal.abort(), ended.signal);
  expect(await exited).toEqual([null, expected]);
});

test("nothing is looked for where nobody wants it to end", async () => {
  const ended = new AbortController();
  const find = (): never => {
    throw new Error("looked for");
  };
  const stopped = stopOnAbort(find, new AbortController().signal, ended.signal);
  ended.abort();
  await stopped;
});
