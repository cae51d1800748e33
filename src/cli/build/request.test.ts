import { describe, expect, test } from "vitest";
import type { AppError } from "../../base/errors.ts";
import type { BuildRequest, Output } from "../../build/request.ts";
import { formatReference } from "../../oci/reference.ts";
import { toRequest } from "./request.ts";
import type { BuildFlags } from "./spec.ts";

const DEFAULTS: BuildFlags = {
  compression: "gzip",
  hostCa: "auto",
  goCache: "auto",
  cross: "suggest",
  progress: "auto",
};
const settings = { root: undefined, mirrors: [], plainHttp: [] };

function request(flags: Partial<BuildFlags>, env: Record<string, string> = {}, path = "."): BuildRequest {
  const { signal } = new AbortController();
  return toRequest({ ...DEFAULTS, ...flags }, path, settings, { env, cwd: "/work", signal });
}

function refusal(flags: Partial<BuildFlags>, env: Record<string, string> = {}): string {
  try {
    request(flags, env);
  } catch (error) {
    const { code, message, hint } = error as AppError;
    expect(hint).not.toBe("");
    return `${code} ${message}`;
  }
  return "taken";
}

const output = (text: string, more: Partial<BuildFlags> = {}): Output =>
  request({ output: [text], ...more }).outputs[0]!;

describe("--output", () => {
  test.each([
    ["out", { kind: "local", destination: "/work/out", split: undefined }],
    ["-", { kind: "tar", destination: "-", split: undefined }],
    ["type=tar", { kind: "tar", destination: "-" }],
    ["type=local,dest=/x,platform-split=false", { kind: "local", destination: "/x", split: false }],
    ["type=oci,dest=a.tar", { kind: "oci", destination: "/work/a.tar", tar: true, image: { format: "oci" } }],
    ["type=oci", { kind: "oci", destination: "-" }],
    ["type=oci,dest=d,tar=false", { kind: "oci", destination: "/work/d", tar: false }],
    ["type=docker,dest=a.tar", { kind: "docker", destination: "/work/a.tar", image: { format: "docker" } }],
    ["type=docker", { kind: "load" }],
    ["type=docker,dest=-", { kind: "docker", destination: "-" }],
    ['"type=oci","dest=a,b.tar"', { kind: "oci", destination: "/work/a,b.tar" }],
    ["TYPE=oci,Dest=a", { kind: "oci", destination: "/work/a" }],
    ["type=cacheonly", { kind: "cacheonly" }],
    ["type=oci,compression=zstd,compression-level=7", { image: { compression: "zstd", level: 7, format: "oci" } }],
    ["type=docker,dest=x,compression=zstd", { image: { compression: "zstd", format: "oci" } }],
    ["type=oci,oci-mediatypes=false", { image: { format: "docker" } }],
    ["type=oci,rewrite-timestamp=0", { image: { rewriteTimestamp: false } }],
    ["type=oci,force-compression=true", { image: { forceCompression: true } }],
    [
      "type=oci,annotation.a=1,annotation-manifest-descriptor[linux/arm64].b=2",
      {
        image: {
          annotations: [
            { scope: "manifest", key: "a", value: "1" },
            { scope: "manifest-descriptor", key: "b", value: "2", platform: { architecture: "arm64" } },
          ],
        },
      },
    ],
  ])("%s", (text, expected) => {
    const arm = text.includes("arm64") ? { platform: ["linux/arm64"] } : {};
    expect(output(text, arm)).toMatchObject(expected);
  });

  test.each([
    ["type=nothing", "type nothing is not known"],
    ["dest=x", "type is missing"],
    ["type=constructor", "type constructor is not known"],
    ["type=local", "dest is missing"],
    ["type=local,dest=-", "cannot be written to standard output"],
    ["type=oci,tar=maybe", "tar is true or false"],
    ["type=oci,what=1", "unknown option what"],
    ["type=oci,nonsense", 'expected name=value, found "nonsense"'],
    ["type=image", "no image store"],
    ["type=registry", "no name to push to"],
    ["type=registry,name=a.test/b:1,push-by-digest=true", "moves no tag, but 1 is one"],
    ["type=registry,name=a.test/b,registry.insecure=true", "registry.insecure is not supported"],
    ["type=oci,compression=estargz", "compression estargz is not supported"],
    ["type=oci,compression-level=10", "none of gzip's"],
    ["type=oci,force-compression=x", "force-compression is true or false"],
    ["type=oci,oci-mediatypes=false,compression=zstd", "none for zstd"],
    ["type=docker,tar=false", "no directories"],
    ["type=docker,context=x", "context is not supported"],
    ["type=oci,annotation-nowhere.a=1", "no place for an annotation"],
  ])("%s is refused: %s", (text, message) => {
    expect(refusal({ output: [text] })).toContain(message);
  });

  test("names come of -t, else of name, each with a tag unless by digest", () => {
    const names = (one: Output): string[] => ("names" in one ? one.names.map(formatReference) : []);
    expect(names(output('type=image,push=true,"name=a.test/b,a.test/c:2"'))).toEqual(["a.test/b:latest", "a.test/c:2"]);
    expect(names(output("type=registry,name=a.test/b", { tag: ["d.test/e:1"] }))).toEqual(["d.test/e:1"]);
    expect(names(output("type=registry,push-by-digest=true", { tag: ["d.test/e"] }))).toEqual(["d.test/e"]);
  });

  test("short forms add what is not there yet", () => {
    expect(request({ push: true, load: true, tag: ["a"] }).outputs.map(({ kind }) => kind)).toEqual([
      "registry",
      "load",
    ]);
    expect(request({ push: true, tag: ["a"], output: ["type=registry"] }).outputs).toHaveLength(1);
    expect(refusal({ push: true })).toContain("--push has no name");
  });

  test("standard output is for one; an archive for docker holds one platform; an index is loaded as OCI's", () => {
    expect(refusal({ output: ["type=oci", "-"] })).toContain("several outputs go to standard output");
    const platform = ["linux/amd64,linux/arm64"];
    expect(refusal({ output: ["type=docker,dest=x"], platform })).toContain("one platform");
    expect(request({ load: true, platform }).outputs[0]).toMatchObject({ image: { format: "oci" } });
    expect(request({ load: true, format: "oci" }).outputs[0]).toMatchObject({ image: { format: "oci" } });
  });

  test("none at all is noted", () => {
    expect(request({}).notes.map(({ code }) => code)).toEqual(["OUTPUT_NONE"]);
    expect(request({ output: ["type=cacheonly"] }).notes).toEqual([]);
  });
});

describe("build args and labels", () => {
  test("for all platforms, for one, from the environment, and SOURCE_DATE_EPOCH of its own", () => {
    const { buildArgs, platformArgs } = request(
      { buildArg: ["A=1", "B", "MISSING", "[linux/arm64]A=2", "E="] },
      { B: "b", SOURCE_DATE_EPOCH: "5" },
    );
    expect(buildArgs).toEqual({ A: "1", B: "b", E: "", SOURCE_DATE_EPOCH: "5" });
    expect(platformArgs).toMatchObject([{ platform: { architecture: "arm64" }, name: "A", value: "2" }]);
    expect(refusal({ buildArg: ["=x"] })).toContain("expected name=value");
    expect(refusal({ buildArg: ["[linux/arm64]"] })).toContain("expected name=value");
  });

  test("the epoch is a number, or a word for the frontend", () => {
    expect(request({ buildArg: ["SOURCE_DATE_EPOCH=7"] }, { SOURCE_DATE_EPOCH: "5" }).epoch).toBe(7);
    expect(request({ buildArg: ["SOURCE_DATE_EPOCH=context"] }).epoch).toBeUndefined();
    expect(refusal({ buildArg: ["SOURCE_DATE_EPOCH=1.5"] })).toContain("whole number");
  });

  test("a label without a value is empty", () => {
    expect(request({ label: ["a=1", "b", "c=d=e"] }).labels).toEqual({ a: "1", b: "", c: "d=e" });
    expect(refusal({ label: ["=x"] })).toContain("expected name=value");
  });
});

describe("what holds for every RUN", () => {
  test("hosts, limits, shared memory, network", () => {
    const { runs } = request({
      addHost: ["a:1.2.3.4,b=::1", "c:[::2]"],
      ulimit: ["nofile=1:2", "core=-1", "nproc=unlimited"],
      shmSize: "1m",
      network: "none",
      allow: ["network.host,security.insecure"],
    });
    expect(runs).toEqual({
      hosts: [
        { name: "a", address: "1.2.3.4" },
        { name: "b", address: "::1" },
        { name: "c", address: "::2" },
      ],
      ulimits: [
        { type: "nofile", soft: 1, hard: 2 },
        { type: "core", soft: -1, hard: -1 },
        { type: "nproc", soft: -1, hard: -1 },
      ],
      shmSize: 1024 * 1024,
      network: "none",
      allowInsecure: true,
    });
  });

  test("what it may use", () => {
    expect(request({ memory: "64m", cpus: "0.5", cpuShares: "512", pidsLimit: "20" }).limits).toEqual({
      memory: 64 * 1024 ** 2,
      cpuQuota: 50_000,
      cpuShares: 512,
      pids: 20,
    });
    expect(request({ cpuQuota: "20000", cpuPeriod: "40000" }).limits).toEqual({ cpuQuota: 20_000, cpuPeriod: 40_000 });
    expect(request({ memory: "0", cpuQuota: "-1", pidsLimit: "-1" }).limits).toEqual({});
  });

  test.each([
    [{ memory: "1m" }, "at least 6m"],
    [{ memory: "much" }, "number of bytes"],
    [{ cpus: "half" }, "--cpus half: expected a number"],
    [{ cpus: "1", cpuQuota: "5000" }, "--cpus stands for --cpu-quota"],
    [{ cpuPeriod: "10" }, "1000 to 1000000"],
    [{ pidsLimit: "1.5" }, "whole number"],
    [{ addHost: ["a:host-gateway"] }, "there is no gateway"],
    [{ addHost: ["a"] }, "expected NAME:IP"],
    [{ addHost: ["a:b"] }, "expected NAME:IP"],
    [{ ulimit: ["nofile"] }, "expected TYPE=SOFT"],
    [{ ulimit: ["files=1"] }, "expected TYPE=SOFT"],
    [{ ulimit: ["nofile=2:1"] }, "above the hard one"],
    [{ shmSize: "much" }, "number of bytes"],
    [{ network: "bridge" }, "no network of that name"],
    [{ allow: ["everything"] }, "no such entitlement"],
  ])("%j is refused: %s", (flags, message) => {
    expect(refusal(flags)).toContain(message);
  });
});

describe("docker's other flags", () => {
  test.each([
    [{ provenance: "false", sbom: "0", attest: ["type=provenance,disabled=true"] }, []],
    [{ rm: true, forceRm: true, compress: true, pull: true, allow: ["network.host"] }, []],
    [{ builder: "x", memorySwap: "1g", cgroupParent: "y" }, ["--builder", "--memory-swap", "--cgroup-parent"]],
    [{ cacheFrom: ["type=gha"], cacheTo: ["type=gha"] }, ["--cache-from, --cache-to"]],
    [
      { squash: true, isolation: "default", securityOpt: ["x"] },
      ["--squash is ignored", "--isolation, --security-opt are ignored"],
    ],
  ])("%j: notes tell of %j", (flags, expected) => {
    const told = request({ ...flags, output: ["type=cacheonly"] }).notes.map(({ message }) => message);
    for (const text of expected) expect(told.join("\n")).toContain(text);
    if (expected.length === 0) expect(told).toEqual([]);
  });

  test.each([
    [{ provenance: "mode=max" }, "attestations"],
    [{ provenance: "true" }, "attestations"],
    [{ sbom: "true" }, "attestations"],
    [{ attest: ["type=sbom"] }, "attestations"],
    [{ policy: ["filename=x"] }, "source policies"],
  ])("%j is refused", (flags, message) => {
    expect(refusal(flags)).toContain(message);
  });

  test("DOCKER_DEFAULT_PLATFORM counts where --platform is missing", () => {
    const env = { DOCKER_DEFAULT_PLATFORM: "linux/s390x" };
    expect(request({}, env).platforms).toMatchObject([{ architecture: "s390x" }]);
    expect(request({ platform: ["linux/arm64"] }, env).platforms).toMatchObject([{ architecture: "arm64" }]);
    expect(request({ platform: ["local"] }).platforms).toHaveLength(1);
    expect(refusal({}, { DOCKER_DEFAULT_PLATFORM: "linux/nothing" })).toContain(
      "DOCKER_DEFAULT_PLATFORM linux/nothing: ",
    );
  });

  test("stages not to take from the cache, by comma and repeated", () => {
    expect(request({ noCacheFilter: ["a,b", "c"] }).noCacheStages).toEqual(["a", "b", "c"]);
  });
});

test("slips that would say little are named", () => {
  expect(refusal({ platform: ["linux/amd64,"] })).toMatch(/^USAGE_INVALID --platform linux\/amd64,: /);
  expect(refusal({ platform: [""] })).toBe("USAGE_INVALID --platform is empty");
  const { notes } = request({ secret: ["id=x,src=nofile"], output: ["type=cacheonly"] });
  expect(notes).toMatchObject([{ code: "SECRET_MISSING", message: "--secret id=x: /work/nofile does not exist" }]);
  const args = { buildArg: ["[linux/arm64]A=1"], output: ["type=cacheonly"] };
  expect(request({ ...args, platform: ["linux/amd64,linux/arm64"] }).notes).toEqual([]);
  expect(request({ ...args, platform: ["linux/amd64"] }).notes).toMatchObject([
    { code: "BUILD_ARG_UNUSED", message: "--build-arg[linux/arm64] A: that platform is not built" },
  ]);
});

test("what would count nowhere is refused", () => {
  expect(refusal({ buildArg: ["[linux/arm46]A=1"] })).toContain("--build-arg[linux/arm46]: arm46 is no architecture");
  expect(refusal({ plainHttp: ["http://r.test/x"] })).toContain("expected HOST or HOST:PORT");
  for (const host of ["r.test:5000", "r.test", "[::1]:5000", "::1"])
    expect(refusal({ plainHttp: [host] })).toBe("taken");
  for (const output of ["type=oci,dest=x.tar", "type=local,dest=x.tar"]) {
    const two = ["type=tar,dest=x.tar", output];
    expect(refusal({ output: two })).toBe("USAGE_INVALID several outputs go to /work/x.tar");
  }
});

test("an empty value is none", () => {
  const { root, metadataFile, iidFile, dockerfile } = request({ root: "", metadataFile: "", iidfile: "", file: "" });
  expect({ root, metadataFile, iidFile, dockerfile }).toEqual({});
  expect(refusal({ label: [""] })).toContain("--label : expected name=value");
});

test("jobs are a whole number", () => {
  expect(request({ jobs: "12" }).parallelism).toBe(12);
  for (const jobs of ["0", "1e2", "0x10", "", "1025"]) expect(refusal({ jobs })).toContain(`--jobs ${jobs}: expected`);
});

test("a rung that is forced is none below the lowest that may be used", () => {
  expect(refusal({ sandbox: "chroot", minSandbox: "namespace" })).toMatch(/^USAGE_INVALID --sandbox=chroot is a lower/);
  expect(refusal({ sandbox: "namespace", minSandbox: "chroot" })).toBe("taken");
});
