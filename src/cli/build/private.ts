import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { AppError } from "../../base/errors.ts";
import type { AgentSource, SecretSource } from "../../build/request.ts";

/** `id=ID[,src=FILE|,env=NAME]`; with neither, the variable of the id's name, else the file of that name, as docker has it. */
export function parseSecret(text: string, { cwd, env }: ProcessContext): readonly [id: string, source: SecretSource] {
  const options = new Map<string, string>();
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) throw invalid(`--secret ${text}: expected name=value, found ${JSON.stringify(part)}`, SECRET_HINT);
    options.set(part.slice(0, at).toLowerCase(), part.slice(at + 1));
  }
  for (const name of options.keys()) {
    if (!SECRET_OPTIONS.has(name)) throw invalid(`--secret ${text}: unknown option ${name}`, SECRET_HINT);
  }
  const type = options.get("type");
  if (type !== undefined && type !== "file" && type !== "env")
    throw invalid(`--secret ${text}: type is file or env`, SECRET_HINT);
  const file = options.get("src") ?? options.get("source");
  const id = options.get("id");
  if (id === undefined || id === "") throw invalid(`--secret ${text}: id is missing`, SECRET_HINT);
  const variable = options.get("env") ?? (type === "env" ? (file ?? id) : undefined);
  if (variable === undefined && (file !== undefined || type === "file" || env[id] === undefined)) {
    return [id, { kind: "file", path: resolve(cwd, file ?? id) }];
  }
  const value = env[variable ?? id];
  if (value === undefined) throw invalid(`--secret ${text}: variable ${variable ?? id} is not set`, SECRET_HINT);
  return [id, { kind: "value", value }];
}

/** `ID[=SOCKET|KEY[,KEY…]]`; without a path it is the socket of SSH_AUTH_SOCK. */
export function parseAgent(text: string, { cwd, env }: ProcessContext): readonly [id: string, source: AgentSource] {
  const at = text.indexOf("=");
  const id = at < 0 ? text : text.slice(0, at);
  const given = at < 0 ? env["SSH_AUTH_SOCK"] : text.slice(at + 1);
  if (id === "") throw invalid(`--ssh ${text}: id is missing`, SSH_HINT);
  if (given === undefined || given === "") throw invalid(`--ssh ${text}: SSH_AUTH_SOCK is not set`, SSH_HINT);
  const paths = (at < 0 ? [given] : given.split(",")).map((path) => resolve(cwd, path));
  const sockets = paths.filter((path) => isSocket(path, text));
  if (sockets.length === 0) return [id, { kind: "keys", paths }];
  if (paths.length > 1) throw invalid(`--ssh ${text}: a socket stands alone`, SSH_HINT);
  return [id, { kind: "socket", path: paths[0]! }];
}

function isSocket(path: string, text: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() === true) return true;
  if (found?.isFile() === true) return false;
  throw invalid(`--ssh ${text}: ${path} is neither the socket of an agent nor a private key`, SSH_HINT);
}

const SECRET_OPTIONS: ReadonlySet<string> = new Set(["id", "src", "source", "env", "type"]);
const SECRET_HINT = "write --secret id=token,src=token.txt or --secret id=token,env=TOKEN";
const SSH_HINT =
  "start an agent with ssh-agent, add keys with ssh-add, and write --ssh default, --ssh id=SOCKET or --ssh id=KEYFILE";

function invalid(message: string, hint: string): AppError {
  return new AppError("USAGE_INVALID", message, { hint });
}
