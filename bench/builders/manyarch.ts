import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "../../test/bed/process.ts";
import { installPackage } from "../../test/bed/package.ts";
import { setAside } from "../../test/bed/set-aside.ts";
import { asUser, CHECKOUT, unprivilegedUser } from "../../test/bed/user.ts";
import type { Builder } from "./builder.ts";

/** The package made of this checkout, as an unprivileged user. */
export function manyarch(mirror: string): Builder {
  const user = unprivilegedUser();
  const installed = mkdtempSync(join(tmpdir(), "manyarch-bench-package-"));
  chmodSync(installed, 0o755);
  const program = installPackage(installed);
  const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-"));
  runTool("chown", [user.name, directory]);
  const env = {
    ...process.env,
    HOME: directory,
    TMPDIR: directory,
    MANYARCH_ROOT: join(directory, "store"),
    MANYARCH_REGISTRY_MIRRORS: `docker.io=${mirror},gcr.io=${mirror}`,
  };
  return {
    name: "manyarch",
    version: (JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")) as { readonly version: string }).version,
    executables: ["node"],
    daemon: () => undefined,
    reset: async () => setAside(join(directory, "store")),
    commands: (job) => [
      {
        argv: asUser(user, [
          program,
          "build",
          "--platform",
          job.platforms.join(","),
          ...Object.entries(job.buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
          "-t",
          job.reference,
          "--push",
          "--progress",
          "plain",
          job.context,
        ]),
        env,
      },
    ],
    [Symbol.asyncDispose]: async () => {
      for (const path of [directory, installed]) rmSync(path, { recursive: true, force: true });
    },
  };
}
