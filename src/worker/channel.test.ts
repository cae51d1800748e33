import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Channel } from "./channel.ts";

/** What a channel makes of bytes that come in these pieces. */
async function receive(
  pieces: readonly Buffer[],
): Promise<{ readonly messages: readonly unknown[]; readonly end: Error | undefined }> {
  const socket = new Duplex({ allowHalfOpen: false, read: () => {}, write: (_chunk, _encoding, done) => done() });
  const messages: unknown[] = [];
  const end = new Promise<Error | undefined>((resolve) => {
    const channel = new Channel(socket as Socket, (message) => messages.push(message), resolve);
    expect(channel).toBeDefined();
  });
  for (const piece of pieces) socket.push(piece);
  socket.push(null);
  return { messages, end: await end };
}

test("messages come through however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.json()), fc.array(fc.nat(40), { minLength: 1 }), async (documents, cuts) => {
      const bytes = Buffer.from(documents.map((document) => `${JSON.stringify(JSON.parse(document))}\n`).join(""));
      const pieces: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = 1 + (cuts[i % cuts.length] ?? 0);
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      const { messages } = await receive(pieces);
      expect(messages).toEqual(documents.map((document) => JSON.parse(JSON.stringify(JSON.parse(document)))));
    }),
    { numRuns: 50 },
  );
});

test("what is no message ends the connection with a reason", async () => {
  const { messages, end } = await receive([Buffer.from('{"a":1}\nnot json\n{"b":2}\n')]);
  expect(messages).toEqual([{ a: 1 }]);
  expect(end).toMatchObject({ code: "WORKER_PROTOCOL" });
});

test("a line without end is not kept until memory is full", async () => {
  const piece = Buffer.alloc(8 * 1024 * 1024, "x");
  const { end } = await receive([Buffer.from("1\n"), ...Array.from({ length: 10 }, () => piece)]);
  expect(end).toMatchObject({ code: "WORKER_PROTOCOL", message: expect.stringContaining("at most 67108864 bytes") });
});

test("reads nothing while it is held up", async () => {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const messages: unknown[] = [];
  let open: () => void = () => {};
  const room = new Promise<void>((resolve) => (open = resolve));
  const channel = new Channel(
    socket as Socket,
    (message) => {
      messages.push(message);
      channel.waitFor(messages.length === 1 ? room : undefined);
    },
    () => {},
  );
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
  socket.push("1\n");
  await settled();
  socket.push("2\n");
  await settled();
  expect(messages).toEqual([1]);
  open();
  await settled();
  expect(messages).toEqual([1, 2]);
});
