import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startBed, type Bed, type CliOptions, type CliResult } from "../bed/bed.ts";
import { findLeftovers } from "../bed/leftovers.ts";
import { filesBelow, unlessGone, type FoundFile } from "./files-below.ts";
import { Gate } from "./gate.ts";
import { SlowRegistry } from "./slow-registry.ts";

/** How long a build that was interrupted may take to be gone altogether, on a machine with other work. */
const SETTLED_SECONDS = 4;
const PACKED_BYTES = 64 * 1024 * 1024;

/** A build that is interrupted at a certain moment, and is right when it is not. */
interface Scene {
  readonly dockerfile: (yard: Yard) => string;
  readonly flags?: readonly string[];
  /** Resolves in the middle of the work, with the build whose store is `store`. */
  readonly reached: (yard: Yard, store: string) => Promise<void>;
}

/** Half a result, with what nobody but the users of its namespace may remove. */
const HALF_DONE = "mkdir /closed; echo x > /closed/x; chown -R 4711 /closed; chmod 0 /closed; echo half > /half";

const run = (script: (wait: string) => string): Scene => ({
  dockerfile: ({ gate }) => `FROM busybox\nRUN ${HALF_DONE}; ${script(gate.command)}\n`,
  reached: ({ gate }) => gate.close(),
});

const push = (matches: (method: string, path: string) => boolean): Scene => ({
  dockerfile: () => "FROM busybox\nCOPY Dockerfile /pushed\n",
  flags: ["--platform=linux/amd64,linux/arm64"],
  reached: ({ registry }) => registry.stopAt(matches),
});

const SCENES = {
  "a RUN": run((wait) => `${wait} > /answer`),
  "a RUN that ignores signals": run((wait) => `trap '' TERM INT HUP; ${wait} > /answer`),
  "a RUN with daemons": run((wait) => `setsid sleep 1000 & (trap '' TERM HUP; sleep 1000) & ${wait} > /answer`),
  "a RUN that catches SIGTERM and stays": run(
    (wait) =>
      `trap : TERM; (trap '' TERM; ${wait} > /answer) & waiting=$!; while kill -0 $waiting; do wait $waiting; done`,
  ),
  "an extraction": {
    dockerfile: () => "FROM debian:bookworm-slim\nRUN echo extracted > /done\n",
    reached: (_, store) => until(() => sessionHas(store, /^snapshot\.[^/]+\/fs\/usr\//)),
  },
  "a pull": {
    dockerfile: () => "FROM debian:bookworm-slim\nRUN echo pulled > /done\n",
    reached: (_, store) => until(() => largestTemporary(store) > 1_000_000),
  },
  "packing a layer": {
    dockerfile: () => "FROM scratch\nCOPY big /big\n",
    reached: (_, store) => until(() => largestTemporary(store) > 1_000_000),
  },
  /** For what strikes by itself at any moment. */
  everything: {
    dockerfile: () =>
      "FROM busybox AS base\nRUN echo x > /x\nFROM busybox\nCOPY --from=base /x /x\nCOPY Dockerfile /d\n",
    reached: () => new Promise(() => {}),
  },
  "pushing a blob": push((method, path) => method === "PUT" && path.includes("/blobs/uploads/")),
  "pushing a manifest": push((method, path) => method === "PUT" && /\/manifests\/sha256:/.test(path)),
  "pushing the tag": push((method, path) => method === "PUT" && path.endsWith("/manifests/latest")),
} as const satisfies Readonly<Record<string, Scene>>;

export type SceneName = keyof typeof SCENES;
export const SCENE_NAMES = Object.keys(SCENES) as readonly SceneName[];

/** The processes of a build, by what they are. */
export type Part = "control" | "worker" | "guard" | "guardian";

/** A running build that has reached the middle of its scene. */
export interface Running {
  /** Of control, and its process group. */
  readonly pid: number;
  readonly store: string;
  pids(part: Part): readonly number[];
}

export interface Struck {
  readonly result: CliResult;
  /** Seconds from the blow to the end of the command. */
  readonly seconds: number;
  readonly store: string;
}

/** Builds that are interrupted: a bed, a gate where RUNs wait and a registry that can be slow. */
export class Yard implements AsyncDisposable {
  readonly bed: Bed;
  readonly gate: Gate;
  readonly registry: SlowRegistry;
  readonly #expected = new Map<SceneName, string>();
  #count = 0;

  private constructor(bed: Bed, gate: Gate, registry: SlowRegistry) {
    this.bed = bed;
    this.gate = gate;
    this.registry = registry;
  }

  static async open(user: "unprivileged" | "current"): Promise<Yard> {
    const bed = await startBed({ user });
    return new Yard(bed, await Gate.start(), await SlowRegistry.before(bed.target));
  }

  /**
   * Builds a scene on an empty store, strikes in the middle of it and checks all that holds however the
   * build ended: nothing of it is left, no tag moved, and the next build on its store gives what one on
   * an empty store does. Where nobody is left who may remove files of other users (`filesStay`), those are
   * the next build's to remove.
   */
  async interrupt(
    name: SceneName,
    strike: (running: Running) => void | Promise<void>,
    { filesStay = false, prefix }: { readonly filesStay?: boolean; readonly prefix?: readonly string[] } = {},
  ): Promise<Struck> {
    const repository = `scene-${this.#count++}`;
    const before = await this.#tagOld(repository);
    const store = this.bed.newDirectory(`store-${repository}`);
    const reached = SCENES[name].reached(this, store);
    let pid = 0;
    const ended = this.#build(name, repository, store, {
      ownGroup: true,
      onStart: (started) => (pid = started),
      ...(prefix && { prefix }),
    });
    await Promise.race([reached, ended.then((result) => Promise.reject(new Error(`ended early: ${result.stderr}`)))]);
    await strike({ pid, store, pids: (part) => this.#pids(part, pid) });
    const start = performance.now();
    const result = await ended;
    const seconds = (performance.now() - start) / 1000;
    await this.expectNothingLeft(filesStay ? join(store, "none") : store);
    expectEqual(await this.tag(repository), before, "the tag of an interrupted build");
    await this.expectRight(name, repository, store);
    return { result, seconds, store };
  }

  /**
   * Builds `everything` on an empty store by way of `prefix`, which may kill it at any moment or let
   * things fail, and checks the same. A tag that did move moved to what is right.
   */
  async crash(prefix: readonly string[]): Promise<CliResult> {
    const repository = `crash-${this.#count++}`;
    const before = await this.#tagOld(repository);
    const store = this.bed.newDirectory(`store-${repository}`);
    const env = { UV_THREADPOOL_SIZE: "1" };
    const result = await this.#build("everything", repository, store, { prefix, env });
    await this.expectNothingLeft(store);
    const after = await this.tag(repository);
    if (after !== before) expectEqual(after, await this.#expectedDigest("everything"), "a tag that moved");
    await this.expectRight("everything", repository, store);
    return result;
  }

  /** Builds `everything` by way of `prefix` and checks nothing. */
  attempt(prefix: readonly string[], store: string): Promise<CliResult> {
    return this.#build("everything", `attempt-${this.#count++}`, store, { prefix });
  }

  /** The scene to its end, on `store`: it must give what an empty store gives. */
  async expectRight(name: SceneName, repository: string, store: string): Promise<void> {
    this.gate.open();
    this.registry.goOn();
    const again = await this.#build(name, repository, store);
    expectEqual(again.exitCode, 0, `the exit code of the next build, which said ${again.stderr}`);
    expectEqual(digestOf(again), await this.#expectedDigest(name), "the digest of the next build");
    expectEqual(await this.tag(repository), digestOf(again), "the tag after the next build");
    expectEqual(readdirSync(join(store, "quarantine")), [], "what the next build put into quarantine");
    await this.expectNothingLeft(store);
  }

  /** Waits, for a bounded time, until no process, mount or temporary file of a build on `store` is there. */
  async expectNothingLeft(store: string): Promise<void> {
    const end = performance.now() + SETTLED_SECONDS * 1000;
    for (;;) {
      const found = this.leftovers(store);
      if (found.length === 0) return;
      if (performance.now() > end) throw new Error(`left behind after ${SETTLED_SECONDS} s:\n${found.join("\n")}`);
      await sleep(20);
    }
  }

  leftovers(store: string): readonly string[] {
    const { directory } = this.bed;
    const temporary = [join(directory, "tmp"), join(directory, "run"), join(store, "sessions")];
    const { processes, mounts, files } = findLeftovers(directory, temporary);
    return [...processes, ...mounts, ...files, ...runtimeRecords(directory)];
  }

  /** The digest that the tag `latest` of a repository names. */
  async tag(repository: string): Promise<string | undefined> {
    const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
    const url = `${this.bed.target.url}/v2/${repository}/manifests/latest`;
    const answer = await fetch(url, { method: "HEAD", headers: { accept } });
    return answer.headers.get("docker-content-digest") ?? undefined;
  }

  async #tagOld(repository: string): Promise<string> {
    const directory = this.#context("old", "FROM scratch\nLABEL old=yes\n");
    const store = join(this.bed.directory, "store");
    const old = await this.bed.cli([
      "build",
      "--push",
      "-t",
      `${this.bed.target.host}/${repository}`,
      `--root=${store}`,
      directory,
    ]);
    expectEqual(old.exitCode, 0, `the exit code of the old image's build, which said ${old.stderr}`);
    return digestOf(old);
  }

  async #expectedDigest(name: SceneName): Promise<string> {
    const known = this.#expected.get(name);
    if (known !== undefined) return known;
    const index = SCENE_NAMES.indexOf(name);
    const built = await this.#build(name, `expected-${index}`, this.bed.newDirectory(`store-expected-${index}`));
    expectEqual(built.exitCode, 0, `the exit code on an empty store, which said ${built.stderr}`);
    this.#expected.set(name, digestOf(built));
    return digestOf(built);
  }

  #build(name: SceneName, repository: string, store: string, options: CliOptions = {}): Promise<CliResult> {
    const scene: Scene = SCENES[name];
    const directory = this.#context(name.replaceAll(" ", "-"), scene.dockerfile(this), name === "packing a layer");
    const flags = ["--progress=plain", "--push", "-t", `${this.registry.host}/${repository}`, ...(scene.flags ?? [])];
    const env = { SOURCE_DATE_EPOCH: "1700000000", ...options.env, MANYARCH_ROOT: store };
    return this.bed.cli(["build", ...flags, directory], { ...options, env });
  }

  #context(name: string, dockerfile: string, withBigFile = false): string {
    const directory = join(this.bed.directory, `context-${name}`);
    if (statSync(directory, { throwIfNoEntry: false }) !== undefined) return directory;
    this.bed.newDirectory(`context-${name}`);
    writeFileSync(join(directory, "Dockerfile"), dockerfile);
    if (withBigFile) writeFileSync(join(directory, "big"), randomBytes(PACKED_BYTES));
    for (const file of readdirSync(directory)) chmodSync(join(directory, file), 0o644);
    return directory;
  }

  #pids(part: Part, control: number): readonly number[] {
    if (part === "control") return [control];
    const patterns: Readonly<Record<Exclude<Part, "control">, RegExp>> = {
      worker: /^\d+ \S*node .*worker\/main\.ts/,
      guard: /^\d+ \/bin\/sh -c [^]* guard \//,
      guardian: /^\d+ \/bin\/sh -c [^]* guardian \//,
    };
    const { processes } = findLeftovers(this.bed.directory, []);
    return processes.filter((line) => patterns[part].test(line)).map((line) => Number.parseInt(line, 10));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await this.bed[Symbol.asyncDispose]();
  }
}

async function until(condition: () => boolean, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("what was waited for did not come");
    await sleep(2);
  }
}

/** `NAME@DIGEST` on standard output. */
function digestOf({ stdout }: CliResult): string {
  return /@(sha256:[0-9a-f]{64})/.exec(stdout)?.[1] ?? `no digest in ${JSON.stringify(stdout)}`;
}

/** What container runtimes keep where everybody's are, as far as it names `directory`. */
function runtimeRecords(directory: string): readonly string[] {
  const places = ["/run/runc", "/run/crun"];
  const files = places.flatMap((place) => filesBelow(place).map((file) => ({ ...file, path: join(place, file.path) })));
  const names = (path: string): boolean => unlessGone(() => readFileSync(path, "utf8"))?.includes(directory) === true;
  return files.filter(({ isFile, path }) => isFile && names(path)).map(({ path }) => path);
}

function sessionHas(store: string, pattern: RegExp): boolean {
  return temporaryFiles(store).some(({ path }) => pattern.test(path));
}

function largestTemporary(store: string): number {
  return Math.max(0, ...temporaryFiles(store).map(({ size }) => size));
}

/** Files of the sessions, by their paths below the session. */
function temporaryFiles(store: string): readonly FoundFile[] {
  return filesBelow(join(store, "sessions"), 5).flatMap((file) => {
    const [, inSession] = /^[^/]+\/(.+)$/.exec(file.path) ?? [];
    return inSession === undefined ? [] : [{ ...file, path: inSession }];
  });
}

function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}
