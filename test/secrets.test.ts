import { chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";
import { findLeftovers } from "./bed/leftovers.ts";
import { runTool } from "./bed/process.ts";
import { missingForNamespaces, unprivilegedUser } from "./bed/user.ts";
import { findBelow, findIn, findInProcesses, formsOf } from "./support/canaries.ts";
import { Gate } from "./support/gate.ts";

/**
 * Canaries wherever a build meets secrets: none may sing in a layer, config, key, log or event, in the
 * store or the registry, nor in a process that is not control.
 */
const PASSWORD = "canary-registry-0f9a3c";
const ENVIRONMENT = "canary-environment-71be02";
const PROXY = "canary-proxy-5d11e8";
const FORMS = [...formsOf(PASSWORD, "builder"), ...formsOf(ENVIRONMENT), ...formsOf(PROXY, "proxyuser")];
const PROXY_URL = `http://proxyuser:${PROXY}@127.0.0.1:9`;

const missing = missingForNamespaces(unprivilegedUser());
if (missing !== undefined) console.warn(`secrets are tested as root only: ${missing}`);

/** As from a careless CI shell, low and high: Node itself looks after the first ones. */
const INHERIT = ["bash", "-c", 'exec 3< inherited 9< inherited 200< inherited; exec "$@"', "bash"];

let bed: Bed;
let gate: Gate;
let served: string;
/** A certificate that only this build machine trusts, and a line of it. */
let authority: string;
let certificateLine: string;

beforeAll(async () => {
  served = runTool("mktemp", ["-d"]).trim();
  const user = missing === undefined ? "unprivileged" : "current";
  bed = await startBed({ user, target: { users: { builder: PASSWORD }, folder: served } });
  gate = await Gate.start();
  bed.newDirectory("context");
  login("home", PASSWORD);
  authority = join(bed.directory, "authority.pem");
  makeAuthority(authority);
  certificateLine = readFileSync(authority, "latin1").split("\n")[3] ?? "";
  write("inherited", "canary-descriptor");
});

afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
  runTool("rm", ["-rf", served]);
});

test.each(["plain", "rawjson"])("a build that pushes with credentials leaves no canary, %s log", async (progress) => {
  const arrival = gate.close();
  // All that a RUN can see of where it runs; at the gate it waits to be seen from outside.
  const look = "ls -l /proc/*/fd; env; cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo; ps";
  const ended = build(`RUN ${look}; ${gate.command}\nCOPY Dockerfile /d`, [
    `--progress=${progress}`,
    "--push",
    "--no-cache",
    `--tag=${bed.target.host}/${progress}`,
  ]);
  await Promise.race([arrival, ended]);
  const pids = processesButControl();
  const during = [...findInProcesses(pids, FORMS), ...pids.flatMap(inheritedBy)];
  gate.open();
  const result = await ended;
  expect(result.exitCode, result.stderr).toBe(0);
  expect(pids.length).toBeGreaterThan(3);
  expect(during).toEqual([]);
  expect(result.stderr).toContain(progress === "plain" ? "HOME=/root" : "build.done");
  expectNowhere(result, FORMS);
});

test("a proxy with a password reaches a RUN that is given one, and nothing else", async () => {
  const proxy = [`--build-arg=HTTP_PROXY=${PROXY_URL}`, `--build-arg=https_proxy=${PROXY_URL}`];
  const result = await build(`RUN echo "\${#HTTP_PROXY} \${#https_proxy}" > /lengths; cat /lengths`, [
    ...proxy,
    "--progress=plain",
    "--push",
    `--tag=${bed.target.host}/proxied`,
  ]);
  expect(result.stderr).toContain(` ${PROXY_URL.length} ${PROXY_URL.length}`);
  expectNowhere(result, FORMS);
});

test("a RUN has no descriptor, variable or authority of this machine's", async () => {
  const result = await build("RUN ls /proc/self/fd; env", ["--progress=plain", "--no-cache", "--host-ca=off"]);
  expect(result.exitCode, result.stderr).toBe(0);
  const output = [...result.stderr.matchAll(/^#\d+ \[[^\]]*\] \d+\.\d+ (.*)$/gm)].map(([, text = ""]) => text);
  // Its standard ones, and the directory that ls has open.
  expect(output.filter((line) => /^\d+$/.test(line))).toEqual(["0", "1", "2", "3"]);
  const names = output.flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
  expect(names.toSorted()).toEqual(["HOME", "PATH", "PWD", "SHLVL"]);
});

test("private authorities are in a RUN while it runs, and nowhere else", async () => {
  const count = 'RUN grep -cF "$LINE" "$SSL_CERT_FILE" > /tmp/count; cat /tmp/count; rm /tmp/count; env > /environment';
  const result = await build(`ENV LINE=${certificateLine.slice(1)}\n${count}`, [
    "--progress=plain",
    "--push",
    "--no-cache",
    `--tag=${bed.target.host}/trusting`,
  ]);
  expect(result.exitCode, result.stderr).toBe(0);
  expect(result.stderr).toMatch(/\] \d+\.\d+ 1$/m);
  expectNowhere(result, [certificateLine]);
});

test("an error of a registry that refuses a password does not show it", async () => {
  bed.newDirectory("other-home");
  login("other-home", `${PASSWORD}-wrong`);
  const flags = ["--progress=rawjson", "--debug", "--push", `--tag=${bed.target.host}/refused`];
  const result = await build("COPY Dockerfile /d", flags, { HOME: join(bed.directory, "other-home") });
  expect(result.exitCode, result.stderr).toBe(6);
  expectNowhere(result, [...FORMS, ...formsOf(`${PASSWORD}-wrong`, "builder")]);
});

/** With canaries in the environment and in inherited descriptors. */
function build(
  steps: string,
  flags: readonly string[],
  home: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  write("context/Dockerfile", `FROM busybox\n${steps}\n`);
  const env = {
    AWS_SECRET_ACCESS_KEY: ENVIRONMENT,
    CI_JOB_TOKEN: ENVIRONMENT,
    HTTPS_PROXY: PROXY_URL,
    https_proxy: PROXY_URL,
    NO_PROXY: "localhost,127.0.0.1",
    no_proxy: "localhost,127.0.0.1",
    SSL_CERT_FILE: authority,
    ...home,
  };
  return bed.cli(["build", ...flags, join(bed.directory, "context")], { env, prefix: INHERIT });
}

function expectNowhere(result: CliResult, forms: readonly string[]): void {
  // Output of RUNs is base64 in events.
  const decoded = [...result.stderr.matchAll(/"([A-Za-z0-9+/]{8,}={0,2})"/g)].map(([, text = ""]) =>
    Buffer.from(text, "base64"),
  );
  expect(findIn("log", [result.stdout, result.stderr, ...decoded], forms)).toEqual([]);
  expect(findBelow(bed.store, forms)).toEqual([]);
  expect(findBelow(served, forms)).toEqual([]);
}

/** The worker, its guard, the guardians and the RUN. */
function processesButControl(): readonly number[] {
  return findLeftovers(bed.directory, [])
    .processes.filter((line) => !line.includes("/cli/main.ts"))
    .map((line) => Number.parseInt(line, 10));
}

function inheritedBy(pid: number): readonly string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return links.filter((path) => path.endsWith("/inherited")).map((path) => `process ${pid} has ${path}`);
}

function login(home: string, password: string): void {
  mkdirSync(join(bed.directory, home, ".docker"));
  const auth = Buffer.from(`builder:${password}`).toString("base64");
  write(`${home}/.docker/config.json`, JSON.stringify({ auths: { [bed.target.host]: { auth } } }));
}

function makeAuthority(path: string): void {
  const subject = ["-subj", "/CN=authority of this build machine", "-days", "2"];
  runTool("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-noenc",
    "-keyout",
    "/dev/null",
    "-out",
    path,
    ...subject,
  ]);
}

function write(name: string, text: string): void {
  const path = join(bed.directory, name);
  writeFileSync(path, text, { mode: 0o644 });
  chownSync(path, bed.user.uid, bed.user.gid);
}
