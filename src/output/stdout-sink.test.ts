import { getEventListeners } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { openStdout } from "./stdout-sink.ts";

const { signal } = new AbortController();
const chunk = Buffer.alloc(64 * 1024, 1);

test("no more is on its way than the reader takes", async () => {
  const stream = new PassThrough();
  const sink = openStdout(stream, signal);
  let written = false;
  const writing = Promise.resolve(sink.write(chunk)).then(() => (written = true));
  await new Promise(setImmediate);
  expect(written).toBe(false);
  stream.resume();
  await writing;
  await sink.commit();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test.each([
  ["before", true],
  ["while it is waited for", false],
])("a reader that left %s is an error, not a wait", async (_, isBefore) => {
  const stream = new Writable({ highWaterMark: 1, write: () => {} });
  stream.on("error", () => {});
  const sink = openStdout(stream, signal);
  if (isBefore) stream.destroy();
  const writing = sink.write(chunk);
  if (!isBefore) setImmediate(() => stream.destroy(new Error("EPIPE")));
  await expect(writing).rejects.toMatchObject({ code: "OUTPUT_CLOSED" });
});

test("an abort ends the wait", async () => {
  const stop = new AbortController();
  const stream = new Writable({ highWaterMark: 1, write: () => {} });
  const writing = openStdout(stream, stop.signal).write(chunk);
  stop.abort(new Error("stopped"));
  await expect(writing).rejects.toThrow("stopped");
});

test("chunks may be used again at once", async () => {
  const seen: number[] = [];
  const stream = new Writable({ write: (bytes: Buffer, _, done) => (seen.push(bytes[0]!), setImmediate(done)) });
  const sink = openStdout(stream, signal);
  const reused = Buffer.from([1]);
  await sink.write(reused);
  reused[0] = 2;
  await sink.write(reused);
  // The second one waits in the stream.
  reused[0] = 3;
  await sink.commit();
  expect(seen.filter((value) => value !== undefined)).toEqual([1, 2]);
});
