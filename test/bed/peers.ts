import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeArtefact, type Artefact } from "./cache.ts";
import { goToolchain, machineGoArch } from "./go-toolchain.ts";
import { runToolAsync } from "./process.ts";

interface GoPrograms {
  readonly require: string;
  readonly packages: readonly string[];
  readonly tags?: string;
  readonly cgo?: boolean;
  /** The module's own `exclude` lines: they count only in the main module, which here is ours. */
  readonly exclude?: readonly string[];
}

export const BUILDKIT_VERSION = "v0.30.0";
export const BUILDAH_VERSION = "v1.43.0";

const CRANE: GoPrograms = {
  require: "github.com/google/go-containerregistry v0.22.1",
  packages: ["github.com/google/go-containerregistry/cmd/crane"],
};

const BUILDKIT: GoPrograms = {
  require: `github.com/moby/buildkit ${BUILDKIT_VERSION}`,
  packages: ["github.com/moby/buildkit/cmd/buildkitd", "github.com/moby/buildkit/cmd/buildctl"],
  exclude: [
    "github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc",
    "github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2",
  ],
};

const BUILDAH: GoPrograms = {
  require: `github.com/containers/buildah ${BUILDAH_VERSION}`,
  packages: ["github.com/containers/buildah/cmd/buildah"],
  tags: "containers_image_openpgp,exclude_graphdriver_btrfs",
  cgo: true,
};

/** `crane`: the judge of what is in a registry. */
export const crane = (): Artefact => goPrograms("crane", [CRANE]);

/** buildkitd, buildctl and buildah: what the benchmarks compare with. Minutes. */
export const peers = (): Artefact => goPrograms("peers", [BUILDKIT, BUILDAH]);

function goPrograms(name: string, programs: readonly GoPrograms[]): Artefact {
  return {
    name,
    recipe: [JSON.stringify(programs)],
    sources: [],
    make: async (directory) => {
      const go = join(await makeArtefact(goToolchain(machineGoArch())), "bin/go");
      for (const program of programs) await buildPrograms(go, program, directory);
    },
  };
}

async function buildPrograms(go: string, program: GoPrograms, directory: string): Promise<void> {
  const module = mkdtempSync(join(tmpdir(), "manyarch-bed-go-"));
  try {
    const exclude = (program.exclude ?? []).map((line) => `exclude ${line}\n`).join("");
    writeFileSync(
      join(module, "go.mod"),
      `module manyarch.test/peers\n\ngo 1.26\n\n${exclude}require ${program.require}\n`,
    );
    const bin = join(module, "bin");
    mkdirSync(bin);
    const flags = ["-mod=mod", "-trimpath", "-ldflags=-s -w", `-tags=${program.tags ?? ""}`, "-o", `${bin}/`];
    await runToolAsync(go, ["build", ...flags, ...program.packages], {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: program.cgo === true ? "1" : "0", GOTOOLCHAIN: "local", GOFLAGS: "" },
    });
    cpSync(bin, directory, { recursive: true });
  } finally {
    rmSync(module, { recursive: true, force: true });
  }
}
