import { readFileSync, writeFileSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import { readTreeFile } from "../snapshot/read-tree-file.ts";
import type { Tree } from "../snapshot/tree.ts";
import { GO_CACHE_PATH } from "./go-cache.ts";
import { SYSTEM_BUNDLES, caVariables, mergeBundles } from "./host-ca.ts";
import { HOST_CA_PATH } from "./mounts.ts";
import type { BoundFiles } from "./mounts.ts";
import { hostsText, resolvConfText } from "./name-files.ts";
import type { SandboxRun } from "./sandbox.ts";

/** Writes what a RUN sees of the machine: copies, so that nothing of the machine's own can be changed through them. */
export function writeRunFiles(
  { network, hosts: added, hostname, hostCa, goCache, tree }: SandboxRun,
  directory: string,
): BoundFiles {
  const write = (name: string, text: string): string => {
    const path = `${directory}/${name}`;
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  };
  const resolvConf = write("resolv.conf", resolvConfText());
  const hosts = write("hosts", hostsText(network, added, hostname));
  if (hostCa === undefined) return { resolvConf, hosts, goCache };
  return {
    resolvConf,
    hosts,
    goCache,
    ca: write("ca.pem", mergeBundles(imageBundle(tree), readFileSync(hostCa, "latin1"))),
  };
}

/** The variables of a RUN, with those that say where these files are. */
export function runVariables({ env }: SandboxRun, files: BoundFiles): readonly string[] {
  const ca = files.ca === undefined ? [] : caVariables(env, HOST_CA_PATH);
  const goCache = files.goCache === undefined ? [] : [`GOCACHE=${GO_CACHE_PATH}`];
  return [...env, ...ca, ...goCache];
}

const MAX_BUNDLE = 16 * 1024 * 1024;

function imageBundle(tree: Tree): string | undefined {
  for (const path of SYSTEM_BUNDLES) {
    const bytes = readBundle(tree, path.slice(1));
    if (bytes !== undefined) return bytes.toString("latin1");
  }
  return undefined;
}

/** What is no file of a sensible size is no bundle either; the image may have its reasons. */
function readBundle(tree: Tree, path: string): Buffer | undefined {
  try {
    return readTreeFile(tree, path, MAX_BUNDLE);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
