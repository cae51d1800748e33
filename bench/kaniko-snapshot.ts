import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Artefact } from "../test/bed/cache.ts";
import { makeArtefact } from "../test/bed/cache.ts";
import { goToolchain, machineGoArch } from "../test/bed/go-toolchain.ts";
import { runToolAsync } from "../test/bed/process.ts";

export const KANIKO_VERSION = "v1.24.0";
const SOURCE = new URL("kaniko-snapshot.go", import.meta.url);

/** A program `kaniko-snapshot ROOT SPACE` that prints the seconds of kaniko's first full snapshot and of the next. */
export const kanikoSnapshot: Artefact = {
  name: "kaniko-snapshot",
  recipe: [KANIKO_VERSION],
  sources: [SOURCE],
  make: async (directory) => {
    const go = join(await makeArtefact(goToolchain(machineGoArch())), "bin/go");
    const module = mkdtempSync(join(tmpdir(), "manyarch-bench-go-"));
    const env = { ...process.env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "" };
    try {
      const requirement = `github.com/GoogleContainerTools/kaniko ${KANIKO_VERSION}`;
      writeFileSync(join(module, "go.mod"), `module manyarch.test/bench\n\ngo 1.26\n\nrequire ${requirement}\n`);
      cpSync(fileURLToPath(SOURCE), join(module, "main.go"));
      await runToolAsync(go, ["mod", "tidy"], { cwd: module, env });
      await runToolAsync(go, ["build", "-trimpath", "-o", join(directory, "kaniko-snapshot"), "."], {
        cwd: module,
        env,
      });
    } finally {
      rmSync(module, { recursive: true, force: true });
    }
  },
};
