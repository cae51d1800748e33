import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmountBelow } from "./buildkitd.ts";
import { ensureArtefact } from "./make.ts";
import { setAside } from "./set-aside.ts";

/** buildah as root in its chroot isolation, with a store and settings of its own. */
export class BuildahPlace implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "manyarch-buildah-"));
  readonly #program = join(ensureArtefact("peers"), "buildah");

  /** `mirror` serves docker.io and gcr.io; `plain` are other registries without TLS. */
  constructor(mirror: string, plain: readonly string[] = []) {
    const { directory } = this;
    writeFileSync(join(directory, "registries.conf"), registries(mirror, plain));
    writeFileSync(join(directory, "policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    writeFileSync(join(directory, "storage.conf"), '[storage]\ndriver = "overlay"\n');
    // buildah looks for a network helper even where the host's network is used; it never runs this one.
    mkdirSync(join(directory, "helpers"));
    writeFileSync(join(directory, "helpers/netavark"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    writeFileSync(join(directory, "containers.conf"), `[engine]\nhelper_binaries_dir = ["${directory}/helpers"]\n`);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.directory,
      TMPDIR: this.directory,
      CONTAINERS_STORAGE_CONF: `${this.directory}/storage.conf`,
      CONTAINERS_CONF: `${this.directory}/containers.conf`,
    };
  }

  /** `buildah COMMAND FLAGS`, with what every command of it needs here. */
  command(...words: readonly string[]): readonly string[] {
    const [command = "", ...rest] = words;
    const { directory } = this;
    const store = [`--root=${directory}/root`, `--runroot=${directory}/run`, "--storage-driver=overlay"];
    return [this.#program, ...store, `--registries-conf=${directory}/registries.conf`, command, ...rest];
  }

  /** The flags of `build` that every build of it needs here. */
  get buildFlags(): readonly string[] {
    return [
      `--signature-policy=${this.directory}/policy.json`,
      "--isolation=chroot",
      "--ulimit=nofile=20000:20000",
      "--ulimit=nproc=96365:96365",
      "--network=host",
    ];
  }

  get pushFlags(): readonly string[] {
    return [`--signature-policy=${this.directory}/policy.json`, "--tls-verify=false"];
  }

  /** Empties the store: the next build is cold. */
  empty(): void {
    unmountBelow(this.directory);
    for (const name of ["root", "run"]) setAside(join(this.directory, name));
  }

  [Symbol.dispose](): void {
    this.empty();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function registries(mirror: string, plain: readonly string[]): string {
  const mirrored = (prefix: string): string =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "${prefix}"\n[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true\n`;
  const withoutTls = (host: string): string => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`;
  return [
    'unqualified-search-registries = ["docker.io"]',
    mirrored("docker.io"),
    mirrored("gcr.io"),
    withoutTls(mirror),
    ...plain.map(withoutTls),
  ].join("\n");
}
