import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed } from "./bed/bed.ts";
import type { Bed } from "./bed/bed.ts";
import { ENVIRONMENTS, leftIn, makeContainer, missingForEnvironments } from "./bed/environments.ts";
import type { Environment, EnvironmentResult } from "./bed/environments.ts";
import { Rootfs } from "./support/image.ts";

/** Forks, executes scripts and binaries, gives files away, links them and sets their modes, all of it twice. */
const DOCKERFILE = `FROM debian:bookworm-slim
RUN set -e; uname -m >/arch; printf '#!/bin/sh\\necho "$(cat /arch) $1" >>/ran\\n' >/script; chmod 755 /script; \\
    for n in 1 2; do /script $n & done; wait; sort -o /ran /ran; \\
    echo data >/file; chown 33:34 /file; chmod 4751 /file; ln /file /link; \\
    mkdir -m 1777 /shared; chown 1000:50 /shared; ln -s file /symlink; chown -h 7:8 /symlink; \\
    mkdir /there; mv /etc/motd /there/; chown www-data /there/motd; test "$(stat -c %u /there/motd)" = 33; \\
    useradd -m -u 4321 someone; touch /home/someone/own; chown someone: /home/someone/own; \\
    cat /etc/resolv.conf >/dev/null; sleep 300 >/dev/null 2>&1 &
USER someone
RUN set -e; test "$(id -u)" = 4321; echo mine >~/more; test ! -w /file
`;

/** What the image must hold, for whatever platform it is and wherever it was built. */
const EXPECTED: Readonly<Record<string, string | undefined>> = {
  file: "-rwsr-x--x 33/34",
  link: "hrwsr-x--x 33/34 -> file",
  shared: "drwxrwxrwt 1000/50",
  symlink: "lrwxrwxrwx 7/8 -> file",
  script: "-rwxr-xr-x 0/0",
  "there/motd": "-rw-r--r-- 33/0",
  "etc/motd": undefined,
  "home/someone": "drwxr-xr-x 4321/4321",
  "home/someone/own": "-rw-r--r-- 4321/4321",
  "home/someone/more": "-rw-r--r-- 4321/4321",
  "etc/shadow": "-rw-r----- 0/42",
};

const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };
const missing = missingForEnvironments();
if (missing !== undefined) console.warn(`environments are not tried: ${missing}`);
const all = process.env["MANYARCH_TEST_ALL"] === "1";
const chosen = ENVIRONMENTS.filter(({ name }) => all || name === "B");

/** A line of the table in docs/environments.md. */
interface Row {
  readonly environment: string;
  readonly brief: string;
  readonly rung: string;
  readonly emulation: string;
  readonly seconds: number;
}

describe.skipIf(missing !== undefined)("two platforms, with RUN in both", () => {
  let bed: Bed;
  const rows: Row[] = [];
  beforeAll(async () => {
    bed = await startBed({ user: "current" });
  });
  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
    if (all && rows.length === ENVIRONMENTS.length + HOSTS.length) writeTable(rows);
  });

  test.each(chosen)("in $name: $brief", { timeout: 300_000 }, async (environment) => {
    using container = makeContainer(environment, { Dockerfile: DOCKERFILE });
    const image = `env:${environment.name.toLowerCase()}`;
    const result = await container.run(["/repo/bin/manyarch", ...buildArgs(bed, image)], forContainer(bed));
    expect(result.exitCode, result.output).toBe(0);
    await checkImage(bed, image);
    expect(leftIn(container)).toEqual([]);
    rows.push(rowOf(environment, result));
  });

  test.runIf(all).each(HOSTS)("on $brief", { timeout: 300_000 }, async (host) => {
    await using own = await startBed({ user: host.user });
    const context = own.newDirectory("context");
    writeFileSync(`${context}/Dockerfile`, DOCKERFILE);
    const { exitCode, stdout, stderr, seconds } = await own.cli(buildArgs(own, "env:host"), { cwd: context });
    const result = { exitCode, output: stdout + stderr, seconds };
    expect(result.exitCode, result.output).toBe(0);
    await checkImage(own, "env:host");
    expect(own.leftovers()).toEqual({ processes: [], mounts: [], files: [] });
    rows.push(rowOf(host, result));
  });
});

const HOSTS = [
  { name: "U", brief: "a plain user of a host, with subordinate ids", user: "unprivileged" },
  { name: "root", brief: "root of a host", user: "current" },
] as const;

function buildArgs({ target }: Bed, image: string): readonly string[] {
  return [
    "build",
    "--progress=plain",
    "--platform=linux/amd64,linux/arm64",
    "--push",
    "--tag",
    `${target.host}/${image}`,
    ".",
  ];
}

function forContainer({ env }: Bed): Readonly<Record<string, string>> {
  return { MANYARCH_REGISTRY_MIRRORS: env["MANYARCH_REGISTRY_MIRRORS"] ?? "" };
}

async function checkImage({ target }: Bed, image: string): Promise<void> {
  for (const architecture of ["amd64", "arm64"]) {
    using tree = await Rootfs.of(target, image, `linux/${architecture}`);
    const found = Object.fromEntries(Object.keys(EXPECTED).map((path) => [path, tree.look(path)]));
    expect(found).toEqual(EXPECTED);
    const machine = MACHINES[architecture];
    expect(tree.read("ran")).toBe(`${machine} 1\n${machine} 2\n`);
    // What a sandbox puts in place for a while is in no layer.
    using layer = await Rootfs.ofLayer(target, image, -2, `linux/${architecture}`);
    const stubs = Object.keys(layer.files).filter((path) =>
      /^(dev|proc|sys|run)(\/|$)|^etc\/(resolv.conf|hosts)$/.test(path),
    );
    expect(stubs).toEqual([]);
  }
}

function rowOf({ name, brief }: Pick<Environment, "name" | "brief">, { output, seconds }: EnvironmentResult): Row {
  const rung = /RUN executes on the rung (\w+)/.exec(output)?.[1] ?? "runtime";
  const emulation = /info\[EMULATION\]: linux\/arm64 runs (.*)/.exec(output)?.[1] ?? "";
  return { environment: name, brief, rung, emulation, seconds };
}

/** Writes the table between its two marks. */
function writeTable(rows: readonly Row[]): void {
  const page = fileURLToPath(new URL("../docs/environments.md", import.meta.url));
  const lines = rows.map(
    ({ environment, brief, rung, emulation, seconds }) =>
      `| ${environment} | ${brief} | \`${rung}\` | ${emulation} | ${seconds.toFixed(0)} s |`,
  );
  const text = readFileSync(page, "utf8");
  const mark = "<!-- measured -->\n";
  const [before = "", , after = ""] = text.split(mark);
  const table = ["| | Environment | Rung | arm64 on amd64 | Time |", "|---|---|---|---|---|", ...lines].join("\n");
  writeFileSync(page, `${before}${mark}\n${table}\n\n${mark}${after}`);
}
