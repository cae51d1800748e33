import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { AppError, messageOf } from "../../base/errors.ts";
import { startGuardian } from "../../sys/guardian.ts";
import type { Guardian } from "../../sys/guardian.ts";
import type { AgentSource } from "../request.ts";
import { startAgent } from "./agent.ts";
import { readPrivateKey } from "./private-key.ts";

/** `sun_path` without its final zero byte. */
const MAX_SOCKET_PATH = 107;

/** The agents of a build: sockets that are there, and agents of our own for keys, started when first asked for. */
export class ServedAgents {
  readonly #sources: ReadonlyMap<string, AgentSource>;
  readonly #tempPath: (name: string) => string;
  readonly #running = new Map<string, { readonly path: string; readonly close: () => void }>();
  readonly #guardians: Guardian[] = [];

  /** `tempPath` answers paths that are gone when the build is. */
  constructor(sources: ReadonlyMap<string, AgentSource>, tempPath: (name: string) => string) {
    this.#sources = sources;
    this.#tempPath = tempPath;
  }

  /** The socket of `--ssh ID`. Throws `SSH_KEY_*` where its keys cannot be read. */
  socket(id: string): string | undefined {
    const source = this.#sources.get(id);
    if (source === undefined || source.kind === "socket") return source?.path;
    const known = this.#running.get(id);
    if (known !== undefined) return known.path;
    const path = this.#shortPath(this.#tempPath("agent"));
    const { close } = startAgent(source.paths.map(readKey), path);
    this.#running.set(id, { path, close });
    return path;
  }

  async close(): Promise<void> {
    for (const { close } of this.#running.values()) close();
    for (const guardian of this.#guardians) await guardian.close();
  }

  /** `path`, or where that is too long for a socket one in a directory that goes with us, however we end. */
  #shortPath(path: string): string {
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
    const directory = mkdtempSync(join(tmpdir(), "manyarch-agent-"));
    this.#guardians.push(startGuardian([directory]));
    return join(directory, basename(path));
  }
}

function readKey(path: string): ReturnType<typeof readPrivateKey> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("SSH_KEY_INVALID", `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: "Name a private key that you may read.",
    });
  }
  return readPrivateKey(text, path);
}
