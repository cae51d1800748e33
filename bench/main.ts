import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AppError } from "../src/base/errors.ts";
import { Registry } from "../test/bed/registry.ts";
import { CHECKOUT, runsAsRoot } from "../test/bed/user.ts";
import { buildah } from "./builders/buildah.ts";
import type { Builder, BuildJob } from "./builders/builder.ts";
import { buildkit } from "./builders/buildkit.ts";
import { manyarch } from "./builders/manyarch.ts";
import { keptSections } from "./sections.ts";
import { measureBuild, type Measurement } from "./measure.ts";
import { benchMirror } from "./mirror.ts";
import { renderResults } from "./results.ts";
import { scenarios, type Scenario } from "./scenarios.ts";

const EXAMPLE_JOB: BuildJob = {
  context: "examples/web",
  platforms: ["linux/amd64", "linux/arm64"],
  reference: "localhost:5000/bench/web:latest",
  buildArgs: {},
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    builders: { type: "string", default: "manyarch,BuildKit,buildah" },
    output: { type: "string", default: join(CHECKOUT, "bench/RESULTS.md") },
  },
});
if (!runsAsRoot)
  throw new AppError("BENCH_ROOT", "buildkitd and buildah are measured as root", { hint: "run ./dev bench as root" });

const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-contexts-"));
try {
  chmodSync(directory, 0o755);
  const chosen = scenarios(directory).filter(
    (one) => positionals.length === 0 || positionals.some((name) => one.name.startsWith(name)),
  );
  await run(chosen, Number(options.rounds), options.builders.split(","));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function run(chosen: readonly Scenario[], rounds: number, names: readonly string[]): Promise<void> {
  await using mirror = await benchMirror();
  await using target = await Registry.start();
  await using stack = new AsyncDisposableStack();
  const builders: Builder[] = [];
  if (names.includes("manyarch")) builders.push(stack.use(manyarch(mirror.host)));
  if (names.includes("BuildKit")) builders.push(stack.use(await buildkit(mirror.host, target.host)));
  if (names.includes("buildah")) builders.push(stack.use(buildah(mirror.host, target.host)));
  const results = new Map(
    chosen.map((scenario) => [scenario, new Map(builders.map((one) => [one.name, [] as Measurement[]]))]),
  );
  const failed = new Set<string>();
  for (let round = 1; round <= rounds; round++) {
    for (const group of groups(chosen)) {
      for (const builder of builders) await measureGroup(builder, group, round, target.host, results, failed);
    }
    // After each round, so that what was measured stays when the rest is given up.
    writeResults(chosen, builders, round, results);
  }
  process.stdout.write(`\nwritten to ${options.output}\n`);
}

function writeResults(
  chosen: readonly Scenario[],
  builders: readonly Builder[],
  rounds: number,
  results: ReadonlyMap<Scenario, ReadonlyMap<string, readonly Measurement[]>>,
): void {
  const rows = chosen.map((scenario) => ({
    title: scenario.title,
    budget: scenario.budget ?? {},
    rounds: results.get(scenario) ?? new Map<string, readonly Measurement[]>(),
  }));
  const versions = new Map(builders.map((one) => [one.name, one.version]));
  const commands = builders.flatMap((one) => one.commands(EXAMPLE_JOB).map((command) => shown(command.argv)));
  const date = new Date().toISOString().slice(0, 10);
  const kept = keptSections(options.output);
  writeFileSync(
    options.output,
    [renderResults({ date, rounds, versions, commands, rows }), kept].join("\n").trimEnd() + "\n",
  );
}

/** A cold scenario and the warm ones that follow from it: measured without another builder in between. */
function groups(chosen: readonly Scenario[]): readonly (readonly Scenario[])[] {
  const found: Scenario[][] = [];
  for (const scenario of chosen) {
    if (scenario.start === "cold" || found.length === 0) found.push([scenario]);
    else found.at(-1)?.push(scenario);
  }
  return found;
}

async function measureGroup(
  builder: Builder,
  group: readonly Scenario[],
  round: number,
  registry: string,
  results: ReadonlyMap<Scenario, ReadonlyMap<string, Measurement[]>>,
  failed: Set<string>,
): Promise<void> {
  await builder.reset();
  for (const scenario of group) {
    if (failed.has(`${builder.name} ${scenario.context}`)) return;
    // A name of its own for every cold build: nothing of it is in the registry yet.
    const reference = `${registry}/bench/${builder.name.toLowerCase()}-${group[0]?.name}-${round}:latest`;
    const buildArgs = scenario.prepare?.(`${builder.name} ${round}`) ?? {};
    try {
      const one = await measureBuild(builder, {
        context: scenario.context,
        platforms: scenario.platforms,
        reference,
        buildArgs,
      });
      results.get(scenario)?.get(builder.name)?.push(one);
      say(`${round}  ${scenario.title.padEnd(40)} ${builder.name.padEnd(10)} ${one.seconds.toFixed(2).padStart(8)} s`);
    } catch (error) {
      failed.add(`${builder.name} ${scenario.context}`);
      say(`${round}  ${scenario.title.padEnd(40)} ${builder.name.padEnd(10)} failed: ${String(error)}`);
    }
  }
}

// Without the words that only this machine needs: the user to become, and where programs and stores are.
function shown(argv: readonly string[]): string {
  const program = argv.findIndex((word) => /\/(manyarch|buildctl|buildah)$/.test(word));
  const words = argv.slice(program).map((word, at) => (at === 0 ? word.replace(/^.*\//, "") : word));
  return words
    .filter((word) => !/^--(addr|root|runroot|registries-conf|signature-policy)=/.test(word))
    .join(" ")
    .replace(/bench-\d+/g, "bench");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
