import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { runTool, runToolAsync } from "./process.ts";

/** A Debian architecture whose packages the bed unpacks. */
export type DebianArch = "amd64" | "arm64" | "armhf" | "s390x" | "ppc64el" | "riscv64";

export interface Package {
  readonly name: string;
  readonly url: string;
  readonly file: string;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * One architecture's packages, by an apt of our own: its lists, cache and (empty) status live in one
 * directory, so no root is needed and the machine's own apt is not touched. apt checks the archive's
 * signature and every package's digest.
 */
export class PackageSource {
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#env = { ...process.env, APT_CONFIG: join(directory, "apt.conf"), LC_ALL: "C.UTF-8" };
  }

  /** Fetches the package lists of `arch` into `directory`. */
  static async open(directory: string, arch: DebianArch): Promise<PackageSource> {
    for (const part of ["state/lists/partial", "cache/archives/partial", "empty/partial"]) {
      mkdirSync(join(directory, part), { recursive: true });
    }
    writeFileSync(join(directory, "status"), "");
    writeFileSync(join(directory, "apt.conf"), aptConfig(directory, arch));
    const source = new PackageSource(directory);
    const [release = "", ...updates] = archives(arch);
    try {
      await source.#update([release, ...updates]);
    } catch (error) {
      // A mirror may lag behind on the updates of one architecture; the release itself never changes.
      process.stderr.write(`  ${arch} without security updates: ${String(error).split("\n")[1] ?? error}\n`);
      await source.#update([release]);
    }
    return source;
  }

  async #update(lines: readonly string[]): Promise<void> {
    writeFileSync(join(this.#directory, "sources.list"), `${lines.join("\n")}\n`);
    await runToolAsync("apt-get", ["update", "-q", "-o", "APT::Update::Error-Mode=any"], { env: this.#env });
  }

  /** The packages and everything they depend on. Patterns such as `?essential` are allowed. */
  async closure(names: readonly string[]): Promise<readonly Package[]> {
    // apt prints only what its cache lacks; with an empty one that is everything.
    const uncached = `Dir::Cache::archives=${join(this.#directory, "empty")}`;
    const args = ["install", "--print-uris", "-qq", "-y", "-o", uncached, ...names];
    const lines = (await runToolAsync("apt-get", args, { env: this.#env })).split("\n");
    return lines.filter((line) => line.startsWith("'")).map((line) => this.#package(line));
  }

  /** Downloads the packages; their `file` exists afterwards. */
  async download(packages: readonly Package[]): Promise<void> {
    const args = ["install", "--download-only", "-qq", "-y", ...packages.map((one) => one.name)];
    await runToolAsync("apt-get", args, { env: this.#env });
  }

  #package(line: string): Package {
    const match = /^'([^']+)' (([^_]+)_\S+)/.exec(line);
    if (match === null) throw new AppError("BED_APT", `apt-get --print-uris: expected 'url' file size, found ${line}`);
    const [, url = "", file = "", name = ""] = match;
    return { name, url, file: join(this.#directory, "cache/archives", file) };
  }
}

// riscv64 became a release architecture with trixie.
function archives(arch: DebianArch): readonly string[] {
  const mirror = process.env["MANYARCH_DEBIAN_MIRROR"] ?? "http://deb.debian.org";
  const suite = arch === "riscv64" ? "trixie" : "bookworm";
  return [
    `deb [signed-by=${KEYRING}] ${mirror}/debian ${suite} main`,
    `deb [signed-by=${KEYRING}] ${mirror}/debian ${suite}-updates main`,
    `deb [signed-by=${KEYRING}] ${mirror}/debian-security ${suite}-security main`,
  ];
}

// Of the machine's own configuration only how to reach the network is taken over (proxies, certificates).
function aptConfig(directory: string, arch: DebianArch): string {
  const network = runTool("apt-config", ["dump"])
    .split("\n")
    .filter((line) => /^Acquire::(https?|ftp|socks5h)::/i.test(line));
  return [
    `APT::Architecture "${arch}";`,
    `APT::Architectures { "${arch}"; };`,
    `APT::Install-Recommends "false";`,
    `APT::Sandbox::User "";`,
    `Acquire::Languages "none";`,
    `Dir::Etc::main "/dev/null";`,
    `Dir::Etc::parts "/dev/null";`,
    `Dir::Etc::preferences "/dev/null";`,
    `Dir::Etc::preferencesparts "/dev/null";`,
    `Dir::Etc::sourceparts "/dev/null";`,
    `Dir::Etc::sourcelist "${directory}/sources.list";`,
    `Dir::State "${directory}/state";`,
    `Dir::State::status "${directory}/status";`,
    `Dir::Cache "${directory}/cache";`,
    ...network,
    "",
  ].join("\n");
}
