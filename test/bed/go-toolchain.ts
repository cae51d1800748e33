import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import type { Artefact } from "./cache.ts";
import { runTool } from "./process.ts";

export const GO_VERSION = "1.26.8";

/** Go's own module proxy serves the toolchains as modules; pinned by the digest of the zip. */
const ZIPS = {
  amd64: "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7",
  arm64: "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99",
} as const;

export type GoArch = keyof typeof ZIPS;

/** The machine's architecture in Go's words: what a build stage on `$BUILDPLATFORM` runs as. */
export function machineGoArch(): GoArch {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new AppError("BED_MACHINE", `the test bed runs on x64 and arm64, found ${process.arch}`);
}

/** A complete Go tree (`bin/go`), the same on every machine whatever Go is installed there. */
export function goToolchain(arch: GoArch): Artefact {
  const module = `golang.org/toolchain@v0.0.1-go${GO_VERSION}.linux-${arch}`;
  return {
    name: `go${GO_VERSION}-${arch}`,
    recipe: [module, ZIPS[arch]],
    sources: [new URL(import.meta.url)],
    make: async (directory) => {
      const zip = join(directory, "go.zip");
      writeFileSync(zip, await download(arch));
      runTool("unzip", ["-q", zip, "-d", directory]);
      rmSync(zip);
      const tree = join(directory, module);
      for (const name of readdirSync(tree)) renameSync(join(tree, name), join(directory, name));
      rmSync(join(directory, "golang.org"), { recursive: true });
      mkdirSync(join(directory, "pkg"), { recursive: true });
    },
  };
}

async function download(arch: GoArch): Promise<Buffer> {
  const url = `https://proxy.golang.org/golang.org/toolchain/@v/v0.0.1-go${GO_VERSION}.linux-${arch}.zip`;
  const response = await fetch(url);
  if (!response.ok) throw new AppError("BED_DOWNLOAD", `${url}: expected 200, found ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== ZIPS[arch])
    throw new AppError("BED_DOWNLOAD", `${url}: expected sha256 ${ZIPS[arch]}, found ${digest}`);
  return bytes;
}
