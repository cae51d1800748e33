import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { installPackage } from "./bed/package.ts";
import { runTool } from "./bed/process.ts";
import { asUser } from "./bed/user.ts";
import { newContext } from "./support/context.ts";

let bed: Bed;
let directory: string;
let program: string;
beforeAll(async () => {
  bed = await startBed();
  directory = mkdtempSync(join(tmpdir(), "manyarch-package-"));
  chmodSync(directory, 0o755);
  program = installPackage(directory);
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await bed[Symbol.asyncDispose]();
});

test("it has no source", () => {
  expect(existsSync(join(directory, "node_modules/manyarch/src"))).toBe(false);
});

// Each starts other programs of ours.
test.each(["runtime", "namespace", "proot"])("it builds with a RUN, a COPY and a push, on rung %s", (rung) => {
  const context = newContext(bed, {
    Dockerfile: "FROM busybox AS one\nRUN echo made >/made\nFROM scratch\nCOPY --from=one /made /\n",
  });
  const tag = `${bed.target.host}/packaged:${rung}`;
  const [command = "", ...args] = asUser(bed.user, [
    program,
    "build",
    `--sandbox=${rung}`,
    "--no-cache",
    "-t",
    tag,
    "--push",
    context,
  ]);
  expect(runTool(command, args, { env: bed.env, cwd: bed.directory })).toContain("sha256:");
  expect(runTool("skopeo", ["inspect", "--tls-verify=false", "--format={{len .Layers}}", `docker://${tag}`])).toBe(
    "1\n",
  );
  expect(bed.leftovers()).toEqual({ processes: [], mounts: [], files: [] });
});
