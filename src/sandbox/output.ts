import type { Readable } from "node:stream";

/** Takes output in order of arrival. While the promise it may answer is pending, the command is held up. */
export type OnOutput = (stream: "stdout" | "stderr", data: Uint8Array) => void | Promise<void>;

const TAIL = 2048;

export interface ForwardedOutput {
  /** Settles when both streams have ended and all was taken. */
  readonly ended: Promise<void>;
  stderrTail(): string;
  hadStdout(): boolean;
}

/** Hands on what two streams say, however much that is, with no more in memory than their buffers. */
export function forwardOutput(stdout: Readable, stderr: Readable, onOutput: OnOutput): ForwardedOutput {
  let printed = false;
  let tail = Buffer.alloc(0);
  const take = async (name: "stdout" | "stderr", stream: Readable): Promise<void> => {
    for await (const chunk of stream) {
      const data = chunk as Buffer;
      printed ||= name === "stdout";
      if (name === "stderr") tail = Buffer.concat([tail, data.subarray(-TAIL)]).subarray(-TAIL);
      await onOutput(name, data);
    }
  };
  const both = async (): Promise<void> => {
    await Promise.all([take("stdout", stdout), take("stderr", stderr)]);
  };
  return { ended: both(), stderrTail: () => tail.toString("utf8"), hadStdout: () => printed };
}
