import { chmodSync } from "node:fs";
import type { Socket } from "node:net";
import type { SshKey } from "./private-key.ts";
import { WireReader, wireNumber, wireString } from "./wire.ts";

/** Messages of an agent (draft-miller-ssh-agent). */
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** OpenSSH's own limit. */
const MAX_MESSAGE = 256 * 1024;

/** An agent that lists `keys` and signs with them, at the socket `path` until it is closed. Nothing can be changed. */
export function startAgent(keys: readonly SshKey[], path: string): { close(): void } {
  const { createServer } = process.getBuiltinModule("node:net");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Whoever asked may go at any time.
    socket.on("error", () => socket.destroy());
    socket.unref();
    serve(socket, keys);
  });
  // Bound and listening when this returns: a path needs no look-up.
  server.listen(path);
  chmodSync(path, 0o600);
  server.unref();
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function serve(socket: Socket, keys: readonly SshKey[]): void {
  let waiting: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4) {
      const length = waiting.readUInt32BE(0);
      if (length === 0 || length > MAX_MESSAGE) return void socket.destroy();
      if (waiting.length < 4 + length) return;
      const answer = answerTo(waiting.subarray(4, 4 + length), keys);
      waiting = waiting.subarray(4 + length);
      socket.write(wireString(answer));
    }
  });
}

/** The message that answers `message`, both without their length. */
export function answerTo(message: Uint8Array, keys: readonly SshKey[]): Uint8Array {
  const failure = Buffer.from([FAILURE]);
  try {
    if (message[0] === REQUEST_IDENTITIES) {
      const list = keys.flatMap(({ blob, comment }) => [wireString(blob), wireString(comment)]);
      return Buffer.concat([Buffer.from([IDENTITIES_ANSWER]), wireNumber(keys.length), ...list]);
    }
    if (message[0] !== SIGN_REQUEST) return failure;
    const reader = new WireReader(message.subarray(1));
    const blob = reader.string();
    const data = reader.string();
    const key = keys.find((one) => blob.equals(one.blob));
    if (key === undefined) return failure;
    return Buffer.concat([Buffer.from([SIGN_RESPONSE]), wireString(key.sign(data, reader.number()))]);
  } catch (error) {
    // A message that is cut short; the protocol has no words for why.
    if (error instanceof RangeError) return failure;
    throw error;
  }
}
