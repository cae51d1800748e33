import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { caVariables, hostCaBundle, mergeBundles, writeHostCa } from "./host-ca.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "host-ca-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function pem(name: string, kind = "CERTIFICATE"): string {
  return `-----BEGIN ${kind}-----\n${Buffer.from(name).toString("base64")}\n-----END ${kind}-----`;
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test("SSL_CERT_FILE names the bundle; without it the distribution's first one counts", () => {
  const own = file("own.pem", `# comment\n${pem("own")}\n`);
  const system = file("system.pem", `${pem("system")}\n`);
  const systems = [join(directory, "missing"), system, own];
  expect(hostCaBundle({ SSL_CERT_FILE: own }, systems)).toBe(`${pem("own")}\n`);
  expect(hostCaBundle({}, systems)).toBe(`${pem("system")}\n`);
  expect(hostCaBundle({ SSL_CERT_FILE: join(directory, "gone") }, systems)).toBe(`${pem("system")}\n`);
  expect(hostCaBundle({}, [])).toBeUndefined();
});

test("what is no file, or too large to be a bundle, is passed over", () => {
  const large = file("large.pem", `${pem("large")}\n`);
  truncateSync(large, 17 * 1024 * 1024);
  const system = file("system.pem", `${pem("system")}\n`);
  for (const named of [large, directory]) {
    expect(hostCaBundle({ SSL_CERT_FILE: named }, [system])).toBe(`${pem("system")}\n`);
  }
});

test("directories of SSL_CERT_DIR and NODE_EXTRA_CA_CERTS come on top, each certificate once", () => {
  mkdirSync(join(directory, "certs"));
  file("certs/b.pem", pem("b"));
  file("certs/a.pem", `${pem("a")}\n${pem("system")}`);
  const system = file("system.pem", pem("system"));
  const extra = file("extra.pem", pem("extra", "TRUSTED CERTIFICATE"));
  const env = {
    SSL_CERT_DIR: `${join(directory, "certs")}:relative:${join(directory, "none")}`,
    NODE_EXTRA_CA_CERTS: extra,
  };
  expect(hostCaBundle(env, [system])).toBe(
    [pem("system"), pem("a"), pem("b"), pem("extra", "TRUSTED CERTIFICATE"), ""].join("\n"),
  );
});

test("a key beside a certificate goes no further", () => {
  const both = file(
    "both.pem",
    `${pem("secret", "PRIVATE KEY")}\n${pem("public")}\n${pem("secret", "EC PRIVATE KEY")}\n`,
  );
  expect(hostCaBundle({ SSL_CERT_FILE: both }, [])).toBe(`${pem("public")}\n`);
});

test("the bundle is written for its owner, or not at all", () => {
  const system = file("system.pem", pem("system"));
  const target = join(directory, "ca.pem");
  expect(writeHostCa({ SSL_CERT_FILE: system }, target)).toBe(target);
  expect(readFileSync(target, "utf8")).toBe(`${pem("system")}\n`);
  expect(statSync(target).mode & 0o777).toBe(0o600);
});

test("what an image trusts stays trusted", () => {
  expect(mergeBundles(`${pem("image")}\n${pem("both")}`, `${pem("both")}\n${pem("host")}\n`)).toBe(
    [pem("image"), pem("both"), pem("host"), ""].join("\n"),
  );
  expect(mergeBundles(undefined, "as it is")).toBe("as it is");
});

test("a variable that the image sets is left to it", () => {
  const variables = caVariables(["PATH=/bin", "SSL_CERT_FILE=/mine", "PIP_CERT="], "/ca");
  expect(variables).toEqual(
    ["CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"].map(
      (name) => `${name}=/ca`,
    ),
  );
});
