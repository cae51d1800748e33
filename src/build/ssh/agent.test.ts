import { execFile, execFileSync } from "node:child_process";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerTo, startAgent } from "./agent.ts";
import { readPrivateKey } from "./private-key.ts";
import { WireReader, wireInteger, wireNumber, wireString } from "./wire.ts";

const runAsync = promisify(execFile);
const hasSshKeygen = ((): boolean => {
  try {
    execFileSync("sh", ["-c", "command -v ssh-keygen && command -v ssh-add"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "manyarch-ssh-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function newKey(name: string, ...flags: readonly string[]): { readonly path: string; readonly text: string } {
  const path = join(directory, name);
  execFileSync("ssh-keygen", ["-q", "-N", "", "-C", name, "-f", path, ...flags]);
  return { path, text: readFileSync(path, "utf8") };
}

describe.skipIf(!hasSshKeygen)("keys of ssh-keygen", () => {
  test.each([
    ["ed25519", ["-t", "ed25519"]],
    ["rsa", ["-t", "rsa", "-b", "2048"]],
    ["rsa-pem", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ["rsa-pkcs8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
    ["ecdsa256", ["-t", "ecdsa", "-b", "256"]],
    ["ecdsa384", ["-t", "ecdsa", "-b", "384"]],
    ["ecdsa521", ["-t", "ecdsa", "-b", "521"]],
  ])("%s: ssh-add lists it and proves that it signs", async (name, flags) => {
    const { path, text } = newKey(name, ...flags);
    const socket = join(directory, `${name}.sock`);
    const agent = startAgent([readPrivateKey(text, path)], socket);
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    const { stdout } = await runAsync("ssh-add", ["-L"], { env });
    const [type, blob] = readFileSync(`${path}.pub`, "utf8").split(" ");
    expect(stdout.split(" ").slice(0, 2)).toEqual([type, blob]);
    await runAsync("ssh-add", ["-T", `${path}.pub`], { env });
    agent.close();
  });

  test("one that is encrypted is refused by name", () => {
    const { text } = newKey("locked", "-t", "ed25519", "-N", "secret");
    expect(() => readPrivateKey(text, "locked")).toThrow(expect.objectContaining({ code: "SSH_KEY_ENCRYPTED" }));
  });
});

test("an encrypted PEM is refused by name, and what is no key at all", () => {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
  });
  expect(() => readPrivateKey(privateKey, "k")).toThrow(expect.objectContaining({ code: "SSH_KEY_ENCRYPTED" }));
  expect(() => readPrivateKey("hello", "k")).toThrow(expect.objectContaining({ code: "SSH_KEY_INVALID" }));
});

describe("messages", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = readPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "k");

  test("a signature of the key that is named", () => {
    const request = [wireString(key.blob), wireString("data"), wireNumber(0)];
    const answer = answerTo(Buffer.concat([Buffer.from([13]), ...request]), [key]);
    expect(answer[0]).toBe(14);
    const signature = new WireReader(new WireReader(answer.subarray(1)).string());
    expect(signature.string().toString()).toBe("ssh-ed25519");
    expect(verify(null, Buffer.from("data"), publicKey, signature.string())).toBe(true);
  });

  test.each([
    ["another key", Buffer.concat([Buffer.from([13]), wireString("x"), wireString("data"), wireNumber(0)])],
    ["a message cut short", Buffer.concat([Buffer.from([13]), wireString("x")])],
    ["a length beyond the message", Buffer.from([13, 0xff, 0, 0, 0])],
    ["adding a key", Buffer.from([17])],
    ["removing all keys", Buffer.from([19])],
    ["nothing", Buffer.alloc(0)],
  ])("%s fails", (_, message) => {
    expect([...answerTo(message, [key])]).toEqual([5]);
  });

  test("numbers stay positive", () => {
    expect([...wireInteger(Buffer.from([0, 0x80]))]).toEqual([0, 0, 0, 2, 0, 0x80]);
    expect([...new WireReader(wireInteger(Buffer.from([0x80, 1]))).integer()]).toEqual([0x80, 1]);
  });
});
