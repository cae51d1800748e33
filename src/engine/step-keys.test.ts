import { describe, expect, test } from "vitest";
import { Hidden } from "../base/hidden.ts";
import { digestOf } from "../oci/digest.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import type { CopySelection } from "../worker/protocol.ts";
import { stepId } from "./graph.ts";
import { StepKeys } from "./step-keys.ts";
import type { CopyStep, ImageStep, MakeDirectoryStep, RunStep, Step, StepId, StepMount } from "./types.ts";

const ARM64 = parsePlatform("linux/arm64");
const SCRATCH: Step = { kind: "scratch" };
const BASE = stepId(SCRATCH);
const FROM: Step = { kind: "context", directory: "/context", ignore: [] };
const SOURCE = stepId(FROM);

/** The key of `step`, where what is selected of a source is told by the source and the paths. */
function keyOf(step: Step, content = "", generation = ""): Promise<string> {
  const steps = new Map<StepId, Step>([SCRATCH, FROM, step].map((one) => [stepId(one), one]));
  const keys: StepKeys = new StepKeys(
    { steps, labels: new Map() },
    {
      select: (_, from, { paths }: CopySelection) => Promise.resolve({ content: `${content} ${from} ${paths.join()}` }),
      generation: async (id) => (await keys.key(id)) + generation,
    },
  );
  return keys.key(stepId(step));
}

async function expectOther(step: Step, others: readonly Step[]): Promise<void> {
  const keys = await Promise.all([step, ...others].map((one) => keyOf(one)));
  expect(new Set(keys).size).toBe(keys.length);
}

async function expectSame(step: Step, others: readonly Step[]): Promise<void> {
  const keys = await Promise.all([step, ...others].map((one) => keyOf(one)));
  expect(new Set(keys).size).toBe(1);
}

describe("a RUN", () => {
  const run: RunStep = {
    kind: "run",
    base: BASE,
    argv: ["sh", "-c", "x"],
    env: ["A=1"],
    hiddenEnv: [],
    cwd: "/",
    user: "",
    network: "host",
    platform: ARM64,
  };
  const mounted = (mount: StepMount): RunStep => ({ ...run, mounts: [mount] });
  const bind = { kind: "bind", from: SOURCE, source: "/s", target: "/t", readonly: true } as const;
  const cache: StepMount & { readonly kind: "cache" } = {
    kind: "cache",
    ...{ id: "ns/one", named: true, sharing: "shared", target: "/t", readonly: false, source: "/" },
    ...{ mode: 0o755, uid: 0, gid: 0 },
  };
  const secret = { kind: "secret", id: "one", target: "/t", required: false, mode: 0o400, uid: 0, gid: 0 } as const;

  test("depends on all that its process can see", () =>
    expectOther(run, [
      { ...run, argv: ["sh", "-c", "y"] },
      { ...run, argv: ["sh", "-c x"] },
      { ...run, env: ["A=2"] },
      { ...run, env: [] },
      { ...run, env: ["A=1", "B="] },
      { ...run, cwd: "/w" },
      { ...run, user: "1000" },
      { ...run, network: "none" },
      { ...run, platform: parsePlatform("linux/amd64") },
      { ...run, platform: parsePlatform("linux/arm/v7") },
      { ...run, platform: parsePlatform("linux/arm/v6") },
      { ...run, hosts: [{ name: "a", address: "1.2.3.4" }] },
      { ...run, ulimits: [{ type: "nofile", soft: 1, hard: 2 }] },
      { ...run, ulimits: [{ type: "nofile", soft: 1, hard: 3 }] },
      { ...run, shmSize: 1 },
      { ...run, insecure: true },
      { ...run, hostname: "a" },
      { ...run, hostname: "b" },
      { ...run, script: { name: "a", content: "#!/bin/sh\n" } },
      { ...run, script: { name: "b", content: "#!/bin/sh\n" } },
      { ...run, script: { name: "a", content: "#!/bin/ash\n" } },
      mounted(bind),
      mounted({ ...bind, source: "/" }),
      mounted({ ...bind, source: "/other" }),
      mounted({ ...bind, target: "/u" }),
      mounted({ ...bind, readonly: false }),
      mounted(cache),
      mounted({ ...cache, id: "ns/two" }),
      mounted({ ...cache, sharing: "locked" }),
      mounted({ ...cache, target: "/u" }),
      mounted({ ...cache, readonly: true }),
      mounted({ ...cache, from: BASE }),
      mounted({ ...cache, mode: 0o700 }),
      mounted({ ...cache, uid: 1 }),
      mounted({ ...cache, gid: 1 }),
      mounted({ kind: "tmpfs", target: "/t" }),
      mounted({ kind: "tmpfs", target: "/t", size: 1 }),
      mounted(secret),
      mounted({ ...secret, id: "two" }),
      mounted({ ...secret, env: "E" }),
      mounted({ ...secret, mode: 0o444 }),
      mounted({ ...secret, required: true }),
      mounted({ ...secret, kind: "ssh" }),
      { ...run, mounts: [bind, { ...bind, target: "/u" }] },
      { ...run, mounts: [{ ...bind, target: "/u" }, bind] },
    ]));

  test("depends on nothing that is another machine's or another day's", async () => {
    await expectSame(run, [
      { ...run, hiddenEnv: ["HTTP_PROXY=http://p"] },
      { ...run, cross: { origin: "linux/arm64 0", namesBuild: true } },
    ]);
    const named = { ...run, hosts: [{ name: "a", address: "1.2.3.4" }] };
    await expectSame(named, [{ ...run, hosts: [{ name: "a", address: "5.6.7.8" }] }]);
    const unnamed = { ...cache, named: false };
    await expectSame(mounted(unnamed), [mounted({ ...unnamed, id: "other/one" })]);
  });

  test("depends on the files of its mounts, and on what it stands on", async () => {
    const step = mounted(bind);
    const keys = [keyOf(step), keyOf(step, "changed"), keyOf(step, "", "again"), keyOf(run), keyOf(run, "", "again")];
    expect(new Set(await Promise.all(keys)).size).toBe(5);
    expect(await keyOf(run, "changed")).toBe(await keyOf(run));
    const whole = mounted({ ...bind, source: "/" });
    expect(await keyOf(whole, "", "again")).not.toBe(await keyOf(whole));
  });
});

describe("a COPY", () => {
  const copy: CopyStep = {
    ...{ kind: "copy", base: BASE, from: SOURCE, paths: ["a"] },
    ...{ destination: "/d", intoDirectory: false },
  };
  const more = { from: SOURCE, paths: ["m"], unpack: false };

  test("depends on what it takes, where it puts it, and how", () =>
    expectOther(copy, [
      { ...copy, paths: ["b"] },
      { ...copy, destination: "/e" },
      { ...copy, intoDirectory: true },
      { ...copy, owner: "1:2" },
      { ...copy, owner: "app" },
      { ...copy, mode: 0o644 },
      { ...copy, mode: 0o600 },
      { ...copy, mode: "u+x" },
      { ...copy, unpack: true },
      { ...copy, link: true },
      { ...copy, parents: true },
      { ...copy, excludes: ["*.md"] },
      { ...copy, excludes: ["*", ".md"] },
      { ...copy, more: [more] },
      { ...copy, more: [{ ...more, paths: ["n"] }] },
      { ...copy, more: [{ ...more, unpack: true }] },
      { ...copy, more: [more, more] },
      { ...copy, inline: [{ name: "x", content: "1" }] },
      { ...copy, inline: [{ name: "x", content: "2" }] },
      { ...copy, inline: [{ name: "y", content: "1" }] },
      { ...copy, expectMachine: { platform: ARM64, origin: "linux/arm64 0" } },
    ]));

  test("does not depend on the stage that crosses, but on what its files are for", () =>
    expectSame({ ...copy, expectMachine: { platform: ARM64, origin: "linux/arm64 0" } }, [
      { ...copy, expectMachine: { platform: ARM64, origin: "linux/arm64 1" } },
    ]));

  test("depends on content and on what it stands on", async () => {
    const keys = [keyOf(copy), keyOf(copy, "changed"), keyOf(copy, "", "again")];
    expect(new Set(await Promise.all(keys)).size).toBe(3);
  });
});

test("a WORKDIR depends on its path, its owner and what it stands on", async () => {
  const make: MakeDirectoryStep = { kind: "mkdir", base: BASE, path: "/w" };
  await expectOther(make, [
    { ...make, path: "/v" },
    { ...make, owner: "1000" },
  ]);
  expect(await keyOf(make, "", "again")).not.toBe(await keyOf(make));
});

test("a base image is its layers, whatever it is called and wherever it comes from", async () => {
  const [one, two] = ["one", "two"].map((text) => digestOf(Buffer.from(text))) as [ImageStep["diffIds"][0], never];
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: one, size: 3 };
  const image: ImageStep = {
    kind: "image",
    reference: parseReference("example.com/a:1"),
    platform: ARM64,
    manifest: layer,
    layers: [layer],
    diffIds: [one],
    history: [],
    mentions: [],
  };
  const otherManifest = { ...layer, digest: two };
  await expectSame(image, [
    { ...image, reference: parseReference("example.com/b:1") },
    { ...image, manifest: otherManifest, layers: [{ ...layer, mediaType: `${layer.mediaType}+gzip`, digest: two }] },
  ]);
  await expectOther(image, [
    { ...image, diffIds: [two] },
    { ...image, diffIds: [one, two] },
    { ...image, diffIds: [two, one] },
    { ...image, diffIds: [] },
  ]);
});

test("credentials of an address are in no id", () => {
  const git = { kind: "git", remote: "https://h/x.git", byCommit: false, directory: "" } as const;
  const step: Step = { ...git, submodules: true, keepGitDir: false };
  expect(stepId({ ...step, credentials: new Hidden("me:pw") })).toBe(stepId(step));
});
