import { readFileSync, statSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { PrivateInputs } from "../engine/run-mounts.ts";
import type { BuildRequest, SecretSource } from "./request.ts";
import type { ServedAgents } from "./ssh/served-agents.ts";

/** As BuildKit has it. */
const MAX_SECRET = 500 * 1024;

/** Secrets and agents of a request; read when a RUN asks for them, and kept nowhere. */
export function privateInputs({ secrets }: Pick<BuildRequest, "secrets">, agents: ServedAgents): PrivateInputs {
  return {
    secret: (id) => {
      const source = secrets.get(id);
      return source === undefined ? undefined : readSecret(id, source);
    },
    agent: (id) => agents.socket(id),
  };
}

function readSecret(id: string, source: SecretSource): Uint8Array {
  if (source.kind === "value") return Buffer.from(source.value);
  try {
    const { size } = statSync(source.path);
    if (size > MAX_SECRET) throw tooLarge(id, source.path, size);
    return readFileSync(source.path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("SECRET_UNREADABLE", `secret ${id}: cannot read ${source.path}: ${errnoOf(error) ?? "failed"}`, {
      cause: error,
      hint: "Name a file that you may read with --secret id=ID,src=FILE.",
    });
  }
}

function tooLarge(id: string, path: string, size: number): AppError {
  return new AppError("SECRET_UNREADABLE", `secret ${id}: ${path} has ${size} bytes, expected ${MAX_SECRET} at most`, {
    hint: "Put large files into the build context or a stage, and mount them with type=bind.",
  });
}
