import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { roomIn } from "./output-room.ts";

/** A stream whose reader takes nothing until it is told to. */
function stalled(): { readonly stream: Writable; readonly take: () => void } {
  let take: () => void = () => {};
  const stream = new Writable({ write: (_chunk, _encoding, done) => void (take = done) });
  return { stream, take: () => take() };
}

const never = new AbortController().signal;

test("a reader that keeps up is not waited for", () => {
  const { stream } = stalled();
  stream.write(Buffer.alloc(1000));
  expect(roomIn(stream, never)).toBeUndefined();
});

test("a reader that is behind is waited for until it has taken all", async () => {
  const { stream, take } = stalled();
  stream.write(Buffer.alloc(2 * 1024 * 1024));
  let settled = false;
  const room = roomIn(stream, never)?.then(() => (settled = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  take();
  await room;
  expect(roomIn(stream, never)).toBeUndefined();
  expect(stream.listenerCount("drain")).toBe(0);
});

test("neither a reader that went away nor an interrupted build waits", async () => {
  const gone = stalled().stream;
  gone.write(Buffer.alloc(2 * 1024 * 1024));
  const room = roomIn(gone, never);
  gone.destroy();
  await room;
  expect(roomIn(gone, never)).toBeUndefined();

  const { stream } = stalled();
  stream.write(Buffer.alloc(2 * 1024 * 1024));
  const stop = new AbortController();
  const waiting = roomIn(stream, stop.signal);
  expect(waiting).toBeInstanceOf(Promise);
  stop.abort();
  await waiting;
  expect(roomIn(stream, stop.signal)).toBeUndefined();
});
