import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { formatBytes } from "../../src/base/bytes.ts";
import { AppError } from "../../src/base/errors.ts";
import { command, line, note, quote, table } from "./demo-text.ts";
import { emulatorPrefix } from "./emulators.ts";
import { ensureArtefact } from "./make.ts";
import { runTool } from "./process.ts";

interface IndexDocument {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly size: number;
    readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
  }[];
}

/** Prints the index as skopeo reads it, and per platform what its image weighs. */
export function showIndex(reference: string): void {
  command(`skopeo inspect --raw docker://${reference}`);
  const raw = runTool("skopeo", ["inspect", "--tls-verify=false", "--raw", `docker://${reference}`]);
  const index = JSON.parse(raw) as IndexDocument;
  line(index.mediaType);
  table(
    index.manifests.map(({ digest, platform }) => {
      const name = [platform.os, platform.architecture, platform.variant]
        .filter((part) => part !== undefined)
        .join("/");
      const manifest = runTool(craneProgram(), ["manifest", `${reference.replace(/:[^:/]+$/, "")}@${digest}`]);
      const { layers } = JSON.parse(manifest) as { readonly layers: readonly { readonly size: number }[] };
      const size = layers.reduce((sum, layer) => sum + layer.size, 0);
      return [name, digest, `${layers.length} layers`, formatBytes(size)];
    }),
  );
}

/** Lets crane read every byte of every platform and check sizes, digests and configs. */
export function validate(reference: string): void {
  command(`crane validate --remote ${reference}`);
  quote(indent(runTool(craneProgram(), ["validate", "--remote", reference])));
}

/** Takes `/${name}` out of each platform's image and runs it, in an emulator where it is foreign. */
export async function showBinaries(
  reference: string,
  name: string,
  platforms: readonly string[],
  directory: string,
): Promise<void> {
  for (const platform of platforms) {
    const binary = extract(reference, name, platform, directory);
    const argv = [...emulatorPrefix(platform), binary];
    const shown = argv.map((word) => basename(word)).join(" ");
    command(`${shown}${name === "web" ? " -version" : ""}`);
    quote(indent(runTool(argv[0] ?? "", [...argv.slice(1), ...(name === "web" ? ["-version"] : [])])));
    if (name === "web") await visit(argv, directory);
  }
}

function extract(reference: string, name: string, platform: string, directory: string): string {
  const target = mkdtempSync(join(directory, "binary-"));
  const script = 'set -o pipefail; "$1" export --platform "$2" "$3" - | tar -xC "$4" "$5"';
  runTool("bash", ["-ec", script, "bash", craneProgram(), platform, reference, target, name]);
  return join(target, name);
}

/** Starts the service, says hello to it, and prints what it answers. */
async function visit(argv: readonly string[], directory: string): Promise<void> {
  const address = `127.0.0.1:${await freePort()}`;
  const database = `file:${mkdtempSync(join(directory, "visits-"))}/visits.db`;
  const [program = "", ...words] = [...argv, "-listen", address, "-database", database];
  const child = spawn(program, words, { stdio: "ignore" });
  try {
    await answering(`http://${address}/healthz`);
    await fetch(`http://${address}/hello/demo`);
    const answer = await fetch(`http://${address}/hello/demo`);
    note(`GET /hello/demo  ${(await answer.text()).trim()}`);
  } finally {
    child.kill("SIGKILL");
  }
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new AppError("BED_SERVICE", `${url} did not answer within 10 s`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function craneProgram(): string {
  return join(ensureArtefact("crane"), "crane");
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
