import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, release, userInfo } from "node:os";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { countAccesses } from "./access-log.ts";
import { startBed, type Bed } from "./bed.ts";
import { showBinaries, showIndex, validate } from "./demo-checks.ts";
import { command, heading, line, note, quote, table } from "./demo-text.ts";
import { foreignHandlers } from "./emulators.ts";
import { CHECKOUT } from "./user.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7"] as const;

// Two Dockerfiles, three platforms, one run each: pushed, looked at, run, built again.
await using stage = await startBed({ user: "current" });
await demonstrate(stage);

async function demonstrate(bed: Bed): Promise<void> {
  const examples = bed.newDirectory("examples");
  cpSync(join(CHECKOUT, "examples"), examples, { recursive: true });
  introduce(bed);
  const times: string[][] = [];
  for (const name of ["hello", "web"] as const) {
    const reference = `${bed.target.host}/demo/${name}:latest`;
    heading(`${name}: ${PLATFORMS.length} platforms in one run`);
    times.push([`${name}, first build`, ...(await build(bed, reference, join(examples, name)))]);
    heading(`${name}: what the registry has now`);
    showIndex(reference);
    validate(reference);
    heading(`${name}: each platform's binary, out of the pushed image`);
    await showBinaries(reference, name, PLATFORMS, bed.directory);
  }
  const reference = `${bed.target.host}/demo/web:latest`;
  heading("web again, nothing changed");
  times.push(["web, nothing changed", ...(await build(bed, reference, join(examples, "web")))]);
  heading("web again, main.go changed");
  editMain(join(examples, "web/main.go"));
  times.push(["web, main.go changed", ...(await build(bed, reference, join(examples, "web")))]);
  await showBinaries(reference, "web", PLATFORMS, bed.directory);
  heading("In short");
  table(times);
  finish(bed);
}

function introduce(bed: Bed): void {
  heading("manyarch demo");
  const handlers = foreignHandlers();
  line(`user      ${userInfo().username} (uid ${userInfo().uid}), no daemon, no privileges`);
  line(`machine   ${hostname()}, Linux ${release()}, ${process.arch}`);
  line(`binfmt    ${handlers.length === 0 ? "no handler for foreign binaries is registered" : handlers.join(", ")}`);
  line(`mirror    ${bed.mirror.host} stands in for docker.io and gcr.io`);
  line(`registry  ${bed.target.host}, empty`);
}

/** Builds, shows what is said, and returns how long it took and what the registry received. */
async function build(bed: Bed, reference: string, context: string): Promise<readonly string[]> {
  const mirrors = ["docker.io", "gcr.io"].flatMap((name) => ["--registry-mirror", `${name}=${bed.mirror.host}`]);
  const args = ["build", "--platform", PLATFORMS.join(","), "-t", reference, "--push", ...mirrors, context];
  command(`manyarch ${args.join(" ")}`);
  await bed.target.clearAccesses();
  const done = await bed.cli(args, { onStderr: quote });
  if (done.exitCode !== 0) throw new AppError("DEMO_BUILD", `manyarch build ended with exit code ${done.exitCode}`);
  const { blobPuts, mounts, manifestPuts } = countAccesses(await bed.target.accesses());
  const result = [`${done.seconds.toFixed(2)} s`, `received: ${blobPuts + mounts} blobs, ${manifestPuts} manifests`];
  note(`${result[0]}, the registry ${result[1]}`);
  return result;
}

function editMain(path: string): void {
  writeFileSync(path, readFileSync(path, "utf8").replace('"web on %s/%s, %s\\n"', '"web, edited, on %s/%s, %s\\n"'));
}

function finish(bed: Bed): void {
  const left = bed.leftovers();
  const all = [...left.processes, ...left.mounts, ...left.files];
  if (all.length > 0) throw new AppError("DEMO_LEFTOVERS", `left behind: ${all.join("\n")}`);
  line("left behind: no process, no mount, no temporary file");
}
