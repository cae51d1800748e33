import type { Socket } from "node:net";

/** Settles when a socket that would not take more takes more, or never will. */
export function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    if (socket.closed) return resolve();
    socket.on("drain", done).on("close", done);
  });
}
