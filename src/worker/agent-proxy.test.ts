import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveAgent } from "./agent-proxy.ts";

let directory: string;
let agent: Server;
let asked: number[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "manyarch-agent-"));
  asked = [];
  agent = createServer((socket) =>
    socket.on("data", (data) => {
      for (let at = 0; at < data.length; at += 4 + data.readUInt32BE(at)) asked.push(data[at + 4]!);
      socket.write(Buffer.from([0, 0, 0, 2, 12, 42]));
    }),
  );
  await new Promise<void>((resolve) => agent.listen(join(directory, "agent"), resolve));
});
afterEach(() => {
  agent.close();
  rmSync(directory, { recursive: true });
});

const message = (type: number, ...rest: readonly number[]): number[] => [0, 0, 0, 1 + rest.length, type, ...rest];

// 11 lists keys, 13 signs, 17 adds a key, 19 removes all of them, 22 locks.
test.each([
  [message(11), [11], [0, 0, 0, 2, 12, 42]],
  [message(13, 1, 2), [13], [0, 0, 0, 2, 12, 42]],
  [message(17, 1), [], [0, 0, 0, 1, 5]],
  [message(19), [], [0, 0, 0, 1, 5]],
  [message(22), [], [0, 0, 0, 1, 5]],
])("%j reaches the agent as %j and is answered %j", async (sent, expected, answer) => {
  const proxy = await serveAgent(join(directory, "agent"), join(directory, "proxy"));
  const client = connect(join(directory, "proxy"));
  // In two pieces, as a socket may bring them.
  client.write(Buffer.from(sent.slice(0, 3)));
  client.write(Buffer.from(sent.slice(3)));
  const received = await new Promise<Buffer>((resolve) => client.once("data", resolve));
  expect([asked, [...received]]).toEqual([expected, answer]);
  await proxy.close();
});

test("a message that is too long ends the connection", async () => {
  const proxy = await serveAgent(join(directory, "agent"), join(directory, "proxy"));
  const client = connect(join(directory, "proxy"));
  client.write(Buffer.from([0xff, 0, 0, 0, 11]));
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
  expect(asked).toEqual([]);
  await proxy.close();
});

test("who asks and does not listen is not read any more, and gets every answer in the end", async () => {
  const proxy = await serveAgent(join(directory, "agent"), join(directory, "proxy"));
  const client = connect(join(directory, "proxy"));
  const count = 300_000;
  client.pause();
  client.write(Buffer.from(Array.from({ length: count }, () => message(19)).flat()));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(client.writableLength).toBeGreaterThan(0);
  let answered = 0;
  client.on("data", (data: Buffer) => (answered += data.length));
  client.resume();
  await expect.poll(() => answered, { timeout: 20_000 }).toBe(5 * count);
  await proxy.close();
}, 30_000);
