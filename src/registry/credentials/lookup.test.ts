import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failureOf, never } from "../testing/test-client.ts";
import { askHelper } from "./helper.ts";
import { CredentialLookup } from "./lookup.ts";
import { credentialFiles } from "./sources.ts";

let home: string;
let env: Record<string, string>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "manyarch-credentials-"));
  env = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` };
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(path: string, document: object): string {
  const file = join(home, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, JSON.stringify(document));
  return file;
}

/** A helper that notes what it is asked and then does what `script` says. */
function helper(name: string, script: string): void {
  mkdirSync(join(home, "bin"), { recursive: true });
  const path = join(home, "bin", `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\nread -r server\necho "$1 $server $PWD" >> ${home}/asked\n${script}\n`);
  chmodSync(path, 0o755);
}

const answer = (username: string, secret: string): string =>
  `printf '{"ServerURL":"x","Username":"${username}","Secret":"${secret}"}'`;

const account = (username: string): object => ({ username, password: "p" });

async function userFor(host: string, path = "team/app"): Promise<string> {
  const credential = await new CredentialLookup(env).find(host, path, never);
  return credential.kind === "password" ? credential.username : credential.kind;
}

test("files are asked in the order of docker, then of the container tools", () => {
  expect(
    credentialFiles({
      DOCKER_CONFIG: "/d",
      HOME: "/h",
      REGISTRY_AUTH_FILE: "/r.json",
      XDG_RUNTIME_DIR: "/run/u",
      XDG_CONFIG_HOME: "",
    }),
  ).toEqual(["/d/config.json", "/r.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"]);
  expect(credentialFiles({ HOME: "/h" })[0]).toBe("/h/.docker/config.json");
  expect(credentialFiles({})).toEqual([]);
});

test("the first source that knows the host is taken", async () => {
  expect(await userFor("r.example")).toBe("anonymous");
  write(".config/containers/auth.json", { auths: { "r.example": account("containers"), "s.example": account("s") } });
  expect(await userFor("r.example")).toBe("containers");
  env["REGISTRY_AUTH_FILE"] = write("named.json", { auths: { "r.example": account("named") } });
  expect(await userFor("r.example")).toBe("named");
  write(".docker/config.json", { auths: { "r.example": account("docker") } });
  expect(await userFor("r.example")).toBe("docker");
  env["DOCKER_AUTH_CONFIG"] = JSON.stringify({ auths: { "r.example": account("inline") } });
  expect(await userFor("r.example")).toBe("inline");
  expect(await userFor("s.example")).toBe("s");
});

test("a malformed file is an error that names it", async () => {
  const path = write(".docker/config.json", {});
  writeFileSync(path, "{ not json");
  const error = await failureOf(userFor("r.example"));
  expect(error.code).toBe("CREDENTIALS_MALFORMED");
  expect(error.message).toContain(path);
});

test("a helper for the host comes before the store, the store before the file", async () => {
  helper("own", answer("own", "s"));
  helper(
    "store",
    `case "$server" in r.example) ${answer("store", "s")};; *) echo "credentials not found in native keychain"; exit 1;; esac`,
  );
  const auths = { "r.example": account("file"), "s.example": account("file"), "t.example": {} };
  write(".docker/config.json", { auths, credsStore: "store", credHelpers: { "o.example": "own" } });
  expect(await userFor("o.example")).toBe("own");
  expect(await userFor("r.example")).toBe("store");
  expect(await userFor("s.example")).toBe("file");
  expect(await userFor("t.example")).toBe("anonymous");
  expect(readFileSync(join(home, "asked"), "utf8")).toContain("get o.example /\n");
});

test("the store knows Docker Hub by its old name", async () => {
  helper("store", answer("hub", "s"));
  write(".docker/config.json", { credsStore: "store" });
  expect(await userFor("docker.io", "library/x")).toBe("hub");
  expect(readFileSync(join(home, "asked"), "utf8")).toBe("get https://index.docker.io/v1/ /\n");
});

test("a helper is asked once for a host, also by calls at the same time", async () => {
  helper("store", `sleep 0.1; ${answer("bob", "s")}`);
  write(".docker/config.json", { credsStore: "store" });
  const lookup = new CredentialLookup(env);
  await Promise.all(["a", "b", "c"].map((path) => lookup.find("r.example", path, never)));
  await lookup.find("r.example", "d", never);
  expect(readFileSync(join(home, "asked"), "utf8").trim().split("\n")).toHaveLength(1);
});

test("the user <token> means an identity token", async () => {
  helper("store", answer("<token>", "refresh"));
  write(".docker/config.json", { credsStore: "store" });
  const credential = await new CredentialLookup(env).find("r.example", "a", never);
  expect(credential).toMatchObject({ kind: "identity-token", token: "refresh" });
});

test("a helper that is not there is an error that names the file", async () => {
  const path = write(".docker/config.json", { credsStore: "absent", auths: { "r.example": account("file") } });
  const error = await failureOf(userFor("r.example"));
  expect(error.code).toBe("CREDENTIALS_HELPER_MISSING");
  expect(error.message).toContain(path);
});

test("a helper is not taken from the working directory, nor by a path in its name", async () => {
  helper("here", `touch ${home}/canary; ${answer("x", "y")}`);
  const call = { server: "r.example", source: "f" };
  const cwd = process.cwd();
  process.chdir(join(home, "bin"));
  try {
    for (const path of ["", ".", ":/usr/bin", "bin"]) {
      const error = await failureOf(askHelper({ ...call, name: "here", env: { PATH: path } }, never));
      expect(error.code).toBe("CREDENTIALS_HELPER_MISSING");
    }
  } finally {
    process.chdir(cwd);
  }
  for (const name of ["../here", "x/../docker-credential-here", "", "-rf", "a b"]) {
    const error = await failureOf(askHelper({ ...call, name, env: { PATH: `${home}/bin` } }, never));
    expect(error.code).toBe("CREDENTIALS_HELPER_MISSING");
  }
  expect(existsSync(join(home, "canary"))).toBe(false);
});

test.each([
  ["fails", "echo 'keychain is locked' >&2; exit 3", /exit code 3: keychain is locked/],
  ["prints no JSON", "echo hunter2", /not a JSON object/],
  ["prints another object", "echo '{\"Secret\":5}'", /not a JSON object/],
  ["prints without end", "while :; do echo 0123456789; done", /printed more than/],
])("a helper that %s is an error", async (_name, script, message) => {
  helper("odd", script);
  const error = await failureOf(askHelper({ name: "odd", server: "r.example", source: "f", env }, never));
  expect(error.code).toBe("CREDENTIALS_HELPER_FAILED");
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("hunter2");
});

test("a helper that hangs is ended with all it started", async () => {
  helper("slow", `sleep 300 & echo $! > ${home}/child; wait`);
  const call = { name: "slow", server: "r.example", source: "f", env, timeoutMs: 300 };
  const error = await failureOf(askHelper(call, never));
  expect(error.code).toBe("CREDENTIALS_HELPER_FAILED");
  expect(error.message).toContain("did not end within 0.3 s");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isRunning(Number(readFileSync(join(home, "child"), "utf8")))).toBe(false);
});

test("an abort ends a helper", async () => {
  helper("slow", "sleep 300");
  const reason = new Error("stop");
  const call = { name: "slow", server: "r.example", source: "f", env };
  const stop = new AbortController();
  setTimeout(() => stop.abort(reason), 50);
  expect(await failureOf(askHelper(call, stop.signal))).toBe(reason);
});

function isRunning(pid: number): boolean {
  try {
    // A zombie that nobody has reaped yet has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}
