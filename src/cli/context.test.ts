import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { processContext } from "./context.ts";

test("whoever waits for standard input waits no longer when interrupted", async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const proc = Object.assign(new EventEmitter(), { stdin, stdout, stderr, env: {}, cwd: () => "/" });
  const { signal, stdin: open } = processContext(proc as unknown as NodeJS.Process);
  const read = Array.fromAsync(open!());
  stdin.write("FROM scratch");
  proc.emit("SIGINT");
  await expect(read).rejects.toThrow();
  expect(signal.reason).toMatchObject({ code: "INTERRUPTED_SIGINT" });
});
