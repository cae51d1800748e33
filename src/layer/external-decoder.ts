import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { AppError, errnoOf } from "../base/errors.ts";
import { layerCorrupt } from "./corrupt.ts";

/**
 * Decompresses with a program of this machine, as Node has no decoder for these formats. It is never one
 * of the image. Throws `ADD_NO_DECODER` where it is not installed and `LAYER_CORRUPT` where it fails.
 */
export async function* throughProgram(
  program: "bzip2" | "xz",
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "pipe"], env: { PATH: PROGRAMS }, cwd: "/" });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(errnoOf(error) === "ENOENT" ? notInstalled(program, error) : error));
    child.once("close", (code) => resolve(code ?? 1));
  });
  ended.catch(() => {}); // Awaited below; until then its failure is nobody's.
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(0, MAX_WORDS)));
  const input = Readable.from(chunks);
  let failed: unknown;
  input.on("error", (error) => {
    failed = error;
    child.kill("SIGKILL");
  });
  // The program may end before it has read everything: its exit code says whether that is right.
  child.stdin.on("error", () => input.destroy());
  input.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) {
      signal.throwIfAborted();
      yield chunk as Buffer;
    }
    const code = await ended;
    if (failed !== undefined) throw failed;
    if (code !== 0)
      throw layerCorrupt(`${program} cannot decompress the archive: ${said.trim() || `exit code ${code}`}`);
  } finally {
    input.destroy();
    child.kill("SIGKILL");
  }
}

const PROGRAMS = "/usr/local/bin:/usr/bin:/bin";
/** Letters that are kept of what a decoder says. */
const MAX_WORDS = 400;

function notInstalled(program: string, cause: unknown): AppError {
  const name = program === "xz" ? "xz-utils" : "bzip2";
  return new AppError("ADD_NO_DECODER", `ADD of an archive packed with ${program}: ${program} is not installed here`, {
    cause,
    hint: `Install it (Debian: ${name}), pack the archive with gzip or zstd, or write ADD --unpack=false.`,
  });
}
