import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { emulatorPrefix } from "./bed/emulators.ts";
import { runTool } from "./bed/process.ts";
import { CHECKOUT, missingForNamespaces, unprivilegedUser } from "./bed/user.ts";
import { build } from "./support/build-log.ts";
import { configOf, Rootfs } from "./support/image.ts";

/**
 * Dockerfiles in the shape that well-known Go projects give theirs, each with its licence, build for two
 * platforms from one small module, and what they made runs. Minutes: with MANYARCH_TEST_ALL=1 only.
 */
const ALL = process.env["MANYARCH_TEST_ALL"] === "1";
const SKIP = !ALL || missingForNamespaces(unprivilegedUser()) !== undefined;
const PLATFORMS = ["linux/amd64", "linux/arm64"] as const;

interface Project {
  /** Where the image has its program. */
  readonly program: string;
  readonly flags?: readonly string[];
  /** What the program says of itself, but for the platform. */
  readonly says?: string;
}

const PROJECTS: Readonly<Record<string, Project>> = {
  argo: { program: "bin/workflow-controller", flags: ["--build-arg=GIT_TAG=v3.5.0"], says: "server v3.5.0 none" },
  buildx: { program: "buildx", says: "server v0.1.0 none" },
  coredns: { program: "server" },
  distribution: { program: "bin/registry", says: "server v3.0.0 0123456" },
  flux: { program: "usr/local/bin/source-controller" },
  gitea: { program: "app/gitea/gitea" },
  hugo: { program: "usr/bin/hugo" },
  prometheus: { program: "bin/prometheus" },
  rclone: { program: "usr/local/bin/rclone" },
  restic: { program: "usr/bin/restic" },
  traefik: { program: "server" },
  vault: { program: "bin/server", flags: ["--build-arg=PRODUCT_VERSION=9.8.7"] },
};

const DIRECTORY = join(CHECKOUT, "test/go-projects");

test("every Dockerfile has its test", () => {
  const names = readdirSync(DIRECTORY).flatMap((name) => /^(.*)\.Dockerfile$/.exec(name)?.[1] ?? []);
  expect(names.toSorted()).toEqual(Object.keys(PROJECTS));
});

describe.skipIf(SKIP)("Dockerfiles in the shape of", () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await startBed();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test.each(Object.entries(PROJECTS))("%s", { timeout: 600_000 }, async (name, project) => {
    const source = join(bed.directory, `source-${name}`);
    runTool("cp", ["-r", join(DIRECTORY, "source"), source]);
    runTool("cp", [join(DIRECTORY, `${name}.Dockerfile`), join(source, "Dockerfile")]);
    const image = `${name}:1`;
    const flags = [`--platform=${PLATFORMS.join(",")}`, "--push", "-t", `${bed.target.host}/${image}`];
    await build(bed, [...flags, ...(project.flags ?? []), source]);
    for (const platform of PLATFORMS) {
      using root = await Rootfs.of(bed.target, image, platform);
      const argv = [...emulatorPrefix(platform), root.extract(project.program)];
      const said = runTool(argv[0]!, argv.slice(1));
      expect(said.split("\n")[0]).toBe(`${project.says ?? "server dev none"} ${platform}`);
      expect((await configOf(bed.target, image, platform)).config["Entrypoint"]).toBeDefined();
    }
  });
});
