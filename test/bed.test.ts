import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countAccesses, parseAccessLine } from "./bed/access-log.ts";
import { emulatorPrefix } from "./bed/emulators.ts";
import { findLeftovers } from "./bed/leftovers.ts";
import { ensureArtefact } from "./bed/make.ts";
import { runTool, runToolAsync } from "./bed/process.ts";
import { Registry } from "./bed/registry.ts";

const OFFICIAL = ["library/debian:bookworm-slim", "library/golang:1.26-bookworm"];
const SMALL = [
  "distroless/static:nonroot",
  "distroless/static:latest",
  "distroless/static-debian12:nonroot",
  "library/busybox:latest",
  "library/alpine:latest",
];

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

interface Config {
  readonly architecture: string;
  readonly variant?: string;
  readonly config: {
    readonly User?: string;
    readonly WorkingDir?: string;
    readonly Env?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>>;
  };
}

let mirror: Registry;
let directory: string;
const crane = (args: readonly string[]) => runToolAsync(join(ensureArtefact("crane"), "crane"), args);

beforeAll(async () => {
  mirror = await Registry.start({ folder: join(ensureArtefact("base-images"), "registry"), readOnly: true });
  directory = mkdtempSync(join(tmpdir(), "manyarch-bed-test-"));
});

afterAll(async () => {
  await mirror.stop();
  rmSync(directory, { recursive: true });
});

describe("base images", () => {
  test.each(SMALL)("%s is valid for three platforms", async (name) => {
    await crane(["validate", "--remote", `${mirror.host}/${name}`]);
    expect(await architectures(name)).toEqual(["amd64", "arm64", "arm"]);
  });

  // crane counts an attestation's layer as none, for official images too: platforms are validated one by one.
  test.each(OFFICIAL)("%s is valid and carries attestations as official images do", async (name) => {
    const found = await index(name);
    const real = found.manifests.filter((one) => one.platform.architecture !== "unknown");
    expect(real.length).toBe(found.manifests.length / 2);
    for (const one of real) await crane(["validate", "--remote", `${repository(name)}@${one.digest}`]);
  });

  test("skopeo reads golang's config", () => {
    const name = `docker://${mirror.host}/library/golang:1.26.8-bookworm`;
    const found = JSON.parse(runTool("skopeo", ["inspect", "--tls-verify=false", name])) as {
      readonly Env: readonly string[];
    };
    expect(found.Env).toContain("GOTOOLCHAIN=local");
    expect(found.Env).toContain(
      "PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
  });

  test("golang shares its first layer with debian", async () => {
    const layers = async (name: string): Promise<readonly { readonly digest: string }[]> =>
      (
        JSON.parse(await crane(["manifest", "--platform", machine(), `${mirror.host}/${name}`])) as {
          layers: { digest: string }[];
        }
      ).layers;
    expect((await layers("library/golang:1.26"))[0]).toEqual((await layers("library/debian:bookworm"))[0]);
  });

  test("distroless/static:nonroot is laid out as Google's", async () => {
    const found = await config("distroless/static:nonroot", "linux/arm/v7");
    expect(found).toMatchObject({ architecture: "arm", variant: "v7" });
    expect(found.config).toEqual({
      User: "65532",
      WorkingDir: "/home/nonroot",
      Env: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
      ],
    });
    const listing = await list("distroless/static:nonroot", "linux/arm/v7");
    expect(listing).toContain("drwx------ 65532/65532 home/nonroot");
    expect(listing).toContain("drwxrwxrwt 0/0 tmp");
    expect(listing).toContain("-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt");
    expect(listing).toContain("-rw-r--r-- 0/0 usr/share/zoneinfo/Europe/Berlin");
    expect(listing.some((line) => line.endsWith("/sh"))).toBe(false);
  });

  test("alpine says that it is a stand-in", async () => {
    const found = await config("library/alpine:latest", machine());
    expect(found.config.Labels?.["dev.manyarch.test-bed"]).toMatch(/^stand-in/);
  });

  test.each(["linux/amd64", "linux/arm64", "linux/arm/v7"])("busybox runs for %s", async (platform) => {
    const root = await unpack("library/busybox:latest", platform);
    expect(
      runTool("sh", ["-ec", '"$@"', "sh", ...emulatorPrefix(platform), join(root, "bin/busybox"), "echo", "yes"]),
    ).toBe("yes\n");
  });
});

describe("registry", () => {
  test("counts what was asked", async () => {
    await mirror.clearAccesses();
    await crane(["export", "--platform", "linux/arm64", `${mirror.host}/library/busybox`, "/dev/null"]);
    const counts = countAccesses(await mirror.accesses());
    expect(counts).toMatchObject({ blobGets: 1, blobPuts: 0, manifestPuts: 0 });
  });

  test("a read-only one refuses writes", async () => {
    const name = `${mirror.host}/library/busybox`;
    await expect(crane(["tag", name, "other"])).rejects.toThrow(/405|read-only|UNSUPPORTED|MANIFEST/i);
  });

  test("takes pushes, mounts and deletes", async () => {
    await using target = await Registry.start();
    await crane(["copy", `${mirror.host}/library/busybox`, `${target.host}/a/busybox`]);
    await crane(["copy", `${target.host}/a/busybox`, `${target.host}/b/busybox`]);
    const counts = countAccesses(await target.accesses());
    expect(counts).toMatchObject({ blobPuts: 6, mounts: 6, tagPuts: 2 });
    const digest = (await crane(["digest", `${target.host}/a/busybox`])).trim();
    await crane(["delete", `${target.host}/a/busybox@${digest}`]);
    await expect(crane(["digest", `${target.host}/a/busybox`])).rejects.toThrow(/404|MANIFEST_UNKNOWN/);
  });

  test("asks for a password", async () => {
    await using target = await Registry.start({ users: { alice: "secret" } });
    const ask = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;
      return (await fetch(`${target.url}/v2/`, { headers: { authorization } })).status;
    };
    expect([await ask("secret"), await ask("wrong")]).toEqual([200, 401]);
    expect((await fetch(`${target.url}/v2/`)).headers.get("www-authenticate")).toMatch(/^Basic realm=/);
  });

  test("is gone when stopped", async () => {
    const target = await Registry.start();
    await target.stop();
    await expect(fetch(`${target.url}/v2/`)).rejects.toThrow();
  });

  test("reads lines of the access log", () => {
    const line =
      '127.0.0.1 - - [21/Nov/2026:04:00:00 +0000] "HEAD /v2/a/blobs/sha256:00 HTTP/1.1" 404 157 "" "crane/1"';
    expect(parseAccessLine(line)).toEqual({ method: "HEAD", path: "/v2/a/blobs/sha256:00", status: 404, bytes: 157 });
    expect(parseAccessLine("something else")).toBeUndefined();
  });
});

test("leftovers finds a process that works in the directory and a file it made", () => {
  const child = spawn("sleep", ["60"], { cwd: directory });
  try {
    const found = findLeftovers(directory, [directory]);
    expect(found.processes).toEqual([`${child.pid} sleep 60`]);
    expect(found.mounts).toEqual([]);
  } finally {
    child.kill("SIGKILL");
  }
});

async function index(name: string): Promise<Index> {
  return JSON.parse(await crane(["manifest", `${mirror.host}/${name}`])) as Index;
}

async function architectures(name: string): Promise<readonly string[]> {
  return (await index(name)).manifests.map((one) => one.platform.architecture);
}

async function config(name: string, platform: string): Promise<Config> {
  return JSON.parse(await crane(["config", "--platform", platform, `${mirror.host}/${name}`])) as Config;
}

/** `mode owner path` of every file of the flattened image. */
async function list(name: string, platform: string): Promise<readonly string[]> {
  const archive = await exportImage(name, platform);
  const lines = runTool("tar", ["-tvf", archive, "--numeric-owner"]).trimEnd().split("\n");
  return lines.map((line) => {
    const [mode = "", owner = "", , , , path = ""] = line.split(/\s+/);
    return `${mode} ${owner} ${path.replace(/^\.?\/|\/$/g, "")}`;
  });
}

async function unpack(name: string, platform: string): Promise<string> {
  const root = mkdtempSync(join(directory, "root-"));
  runTool("tar", ["-xf", await exportImage(name, platform), "-C", root]);
  return root;
}

async function exportImage(name: string, platform: string): Promise<string> {
  const archive = join(mkdtempSync(join(directory, "export-")), "image.tar");
  await crane(["export", "--platform", platform, `${mirror.host}/${name}`, archive]);
  return archive;
}

function repository(name: string): string {
  return `${mirror.host}/${name.replace(/:.*/, "")}`;
}

function machine(): string {
  return process.arch === "x64" ? "linux/amd64" : "linux/arm64";
}
