import { spawn } from "node:child_process";
import { basename, dirname, join } from "node:path";
import type { Bed } from "../bed/bed.ts";
import type { BuildahPlace } from "../bed/buildah.ts";
import type { Buildkitd } from "../bed/buildkitd.ts";
import type { Case } from "./case.ts";

/** What a builder made of a case: an image below `directory`, or what it said instead. */
export type Outcome =
  | { readonly kind: "built"; readonly directory: string }
  | { readonly kind: "failed"; readonly text: string; readonly line: string };

export interface Place {
  readonly context: string;
  /** Where the image goes; not there yet. */
  readonly output: string;
}

export async function buildWithManyarch(bed: Bed, one: Case, { context, output }: Place): Promise<Outcome> {
  const flags = ["--host-ca=off", ...dockerFlags(one, context)];
  const built = await bed.cli(["build", "--progress=plain", ...flags, `-o=type=oci,dest=${output},tar=false`, context]);
  if (built.exitCode === 0) return { kind: "built", directory: output };
  return { kind: "failed", text: built.stderr, line: firstMarked(built.stderr, /^ *(\d+) > \|/m) };
}

export async function buildWithBuildkit(daemon: Buildkitd, one: Case, { context, output }: Place): Promise<Outcome> {
  const key = basename(output);
  const named = contextFlags(one, context).map((flag) => flag.split(/=(.*)/s));
  const flags = [
    ...one.buildArgs.map((arg) => `--opt=build-arg:${arg}`),
    ...one.labels.map((label) => `--opt=label:${label}`),
    ...secretFlags(one, context).map((secret) => `--secret=${secret}`),
    ...named.flatMap(([name = "", value = ""]) => namedContext(name, value, key)),
    ...(one.target === undefined ? [] : [`--opt=target=${one.target}`]),
    ...(one.platform === undefined ? [] : [`--opt=platform=${one.platform}`]),
    ...(one.dockerfile === undefined ? [] : [`--opt=filename=${basename(one.dockerfile)}`]),
    ...(one.hosts.length === 0 ? [] : [`--opt=add-hosts=${one.hosts.map((host) => host.replace(":", "=")).join(",")}`]),
    ...(one.ulimits.length === 0 ? [] : [`--opt=ulimit=${one.ulimits.join(",")}`]),
    `--local=context=${context}`,
    `--local=dockerfile=${join(context, dirname(one.dockerfile ?? ""))}`,
  ];
  const exporter = `--output=type=oci,dest=${output},tar=false,oci-mediatypes=true`;
  const argv = [...daemon.client, "build", "--progress=plain", "--frontend=dockerfile.v0", ...flags, exporter];
  const done = await run(argv, daemon.env);
  if (done.exitCode === 0) return { kind: "built", directory: output };
  return { kind: "failed", text: done.stderr, line: firstMarked(done.stderr, /^ *(\d+) \| >>>/m) };
}

export async function buildWithBuildah(place: BuildahPlace, one: Case, { context, output }: Place): Promise<Outcome> {
  const flags = [
    ...place.buildFlags,
    "--format=docker",
    "--layers=false",
    "--identity-label=false",
    ...dockerFlags(one, context),
    "--tag",
    `dir:${output}`,
  ];
  const done = await run(place.command("build", ...flags, context), place.env);
  if (done.exitCode === 0) return { kind: "built", directory: output };
  return { kind: "failed", text: done.stderr, line: "" };
}

/** As docker, and whoever follows it, has them. */
function dockerFlags(one: Case, context: string): readonly string[] {
  return [
    ...each("--build-arg", one.buildArgs),
    ...each("--label", one.labels),
    ...each("--secret", secretFlags(one, context)),
    ...each("--build-context", contextFlags(one, context)),
    ...each("--target", [one.target]),
    ...each("--platform", [one.platform]),
    ...each("--file", [one.dockerfile && join(context, one.dockerfile)]),
    ...each("--add-host", one.hosts),
    ...each("--ulimit", one.ulimits),
  ];
}

function each(flag: string, values: readonly (string | undefined)[]): readonly string[] {
  return values.flatMap((value) => (value === undefined ? [] : [flag, value]));
}

/** Secrets of cases are files of the case. */
function secretFlags(one: Case, context: string): readonly string[] {
  return one.secrets.map((secret) => secret.replace(/src=/, `src=${context}/`));
}

function contextFlags(one: Case, context: string): readonly string[] {
  return one.contexts.map((flag) => {
    const [name = "", value = ""] = flag.split(/=(.*)/s);
    return value.includes("://") ? flag : `${name}=${join(context, value)}`;
  });
}

function namedContext(name: string, value: string, key: string): readonly string[] {
  if (value.includes("://")) return [`--opt=context:${name}=${value}`];
  const local = `${key}-${name}`;
  return [`--local=${local}=${value}`, `--opt=context:${name}=local:${local}`];
}

/** The first line of the excerpt that is marked; the empty string where nothing is shown. */
function firstMarked(text: string, mark: RegExp): string {
  return mark.exec(text)?.[1] ?? "";
}

interface Done {
  readonly exitCode: number | null;
  readonly stderr: string;
}

function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Done> {
  const [command = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdout.resume();
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, stderr }));
  });
}
