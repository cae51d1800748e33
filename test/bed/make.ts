import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatBytes } from "../../src/base/bytes.ts";
import { AppError } from "../../src/base/errors.ts";
import { baseImages, MAIN_PLATFORMS, MORE_PLATFORMS } from "./base-images.ts";
import { artefactPath, makeArtefact, sweepUnfinished, treeSize, withCacheLock, type Artefact } from "./cache.ts";
import { arm64Machine } from "./arm64-machine.ts";
import { ciRoot } from "./ci-root.ts";
import { goToolchain, machineGoArch } from "./go-toolchain.ts";
import { crane, peers } from "./peers.ts";

/** Everything the bed keeps between runs, by the name that `./dev` and the tests ask for. */
const ARTEFACTS = {
  go: () => goToolchain(machineGoArch()),
  crane,
  "base-images": () => baseImages(MAIN_PLATFORMS),
  "base-images-more": () => baseImages([...MAIN_PLATFORMS, ...MORE_PLATFORMS]),
  peers,
  "arm64-machine": arm64Machine,
  "ci-root": () => ciRoot("plain"),
  "ci-root-shifted": () => ciRoot("shifted"),
} as const satisfies Readonly<Record<string, () => Artefact>>;

export type ArtefactName = keyof typeof ARTEFACTS;

/** The artefact's directory; made first, which takes from seconds to minutes, where it is not there yet. */
export function ensureArtefact(name: ArtefactName): string {
  const path = artefactPath(ARTEFACTS[name]());
  if (!existsSync(path)) withCacheLock([process.execPath, fileURLToPath(import.meta.url), name]);
  return path;
}

export function isArtefactName(name: string): name is ArtefactName {
  return name in ARTEFACTS;
}

async function main(names: readonly string[]): Promise<void> {
  sweepUnfinished();
  // Modes enter digests; the caller's umask does not.
  process.umask(0o022);
  for (const name of names) {
    if (!isArtefactName(name)) throw new AppError("BED_ARTEFACT", `there is no artefact named ${name}`);
    const artefact = ARTEFACTS[name]();
    if (existsSync(artefactPath(artefact))) continue;
    const start = performance.now();
    const path = await makeArtefact(artefact);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stderr.write(`  ${name}: ${formatBytes(treeSize(path))} in ${seconds} s, kept in ${path}\n`);
  }
}

// Started by ensureArtefact, under the lock.
if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
