import { rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { drained } from "./drained.ts";

/** What an agent may be asked: for its keys, and to sign. Nothing that changes it (draft-miller-ssh-agent). */
const ALLOWED: ReadonlySet<number> = new Set([11, 13]);
/** SSH_AGENT_FAILURE, as a message. */
const FAILURE = Buffer.from([0, 0, 0, 1, 5]);
/** OpenSSH's own limit. */
const MAX_MESSAGE = 256 * 1024;

/** Serves the agent at the socket `agent` on a new socket `path`, until it is closed. */
export async function serveAgent(agent: string, path: string): Promise<{ close(): Promise<void> }> {
  const { createServer, connect } = process.getBuiltinModule("node:net");
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(agent);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      // Either end may go at any time; the other one is closed with it.
      socket.on("error", () => socket.destroy());
    }
    upstream.pipe(client);
    void forwardAllowed(client, upstream).catch(() => client.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(path, { force: true });
    },
  };
}

/**
 * Messages are a length of four bytes, a type, and the rest. While answers are not taken nothing more is read: a
 * client that only asks would fill our memory.
 */
async function forwardAllowed(client: Socket, upstream: Socket): Promise<void> {
  let waiting: Buffer = Buffer.alloc(0);
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    waiting = Buffer.concat([waiting, chunk as Buffer]);
    while (waiting.length >= 5) {
      const length = waiting.readUInt32BE(0);
      if (length === 0 || length > MAX_MESSAGE) return void client.destroy();
      if (waiting.length < 4 + length) break;
      const message = waiting.subarray(0, 4 + length);
      waiting = waiting.subarray(4 + length);
      const isAllowed = ALLOWED.has(message[4]!);
      const [to, what] = isAllowed ? [upstream, message] : [client, FAILURE];
      if (!to.write(what)) await drained(to);
    }
  }
}
