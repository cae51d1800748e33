import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ServedAgents } from "./served-agents.ts";

let directory: string;
let agents: ServedAgents;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "manyarch-served-"));
  const { privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeFileSync(join(directory, "key"), privateKey);
});
afterEach(async () => {
  await agents.close();
  rmSync(directory, { recursive: true });
});

test.each([
  ["in the session's directory", "agent", true],
  ["elsewhere, where its path would be too long", `${"long".repeat(20)}/agent`, false],
])("an agent answers at a socket %s, which is gone when it is closed", async (_, name, isInside) => {
  const sources = new Map([["default", { kind: "keys", paths: [join(directory, "key")] } as const]]);
  agents = new ServedAgents(sources, () => join(directory, name));
  const path = agents.socket("default") ?? "";
  expect(agents.socket("default")).toBe(path);
  expect(dirname(path) === directory).toBe(isInside);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const client = connect(path);
  client.write(Buffer.from([0, 0, 0, 1, 11]));
  const answer = await new Promise<Buffer>((resolve) => client.once("data", resolve));
  expect(answer[4]).toBe(12);
  client.destroy();
  await agents.close();
  expect(existsSync(path)).toBe(false);
  if (!isInside) expect(existsSync(dirname(path))).toBe(false);
});
