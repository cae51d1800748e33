import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureArtefact } from "../../test/bed/make.ts";
import { BUILDAH_VERSION } from "../../test/bed/peers.ts";
import type { Builder } from "./builder.ts";

/** buildah as root with layers kept and platforms side by side, in its chroot isolation. */
export function buildah(mirror: string, target: string): Builder {
  const program = join(ensureArtefact("peers"), "buildah");
  const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-buildah-"));
  writeFileSync(join(directory, "registries.conf"), registries(mirror, target));
  writeFileSync(join(directory, "policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  writeFileSync(join(directory, "storage.conf"), '[storage]\ndriver = "overlay"\n');
  // buildah looks for a network helper even where the host's network is used; it never runs this one.
  mkdirSync(join(directory, "helpers"));
  writeFileSync(join(directory, "helpers/netavark"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  writeFileSync(join(directory, "containers.conf"), `[engine]\nhelper_binaries_dir = ["${directory}/helpers"]\n`);
  const store = [`--root=${directory}/root`, `--runroot=${directory}/run`, "--storage-driver=overlay"];
  const common = [...store, `--registries-conf=${directory}/registries.conf`];
  const env = {
    ...process.env,
    HOME: directory,
    TMPDIR: directory,
    CONTAINERS_STORAGE_CONF: `${directory}/storage.conf`,
    CONTAINERS_CONF: `${directory}/containers.conf`,
  };
  let lists = 0;
  const empty = (): void => {
    spawnSync("sh", ["-c", `grep -o '${directory}[^ ]*' /proc/self/mountinfo | sort -ru | xargs -r umount -l`]);
    for (const name of ["root", "run"]) rmSync(join(directory, name), { recursive: true, force: true });
  };
  return {
    name: "buildah",
    version: BUILDAH_VERSION,
    executables: ["buildah"],
    daemon: () => undefined,
    reset: async () => empty(),
    commands: (job) => {
      // A second build adds to the manifest list of the first instead of replacing it.
      const list = `localhost/bench-${++lists}`;
      return [
        {
          argv: [
            program,
            ...common,
            "build",
            `--signature-policy=${directory}/policy.json`,
            "--isolation=chroot",
            "--ulimit=nofile=20000:20000",
            "--ulimit=nproc=96365:96365",
            "--network=host",
            "--layers",
            `--jobs=${job.platforms.length}`,
            `--platform=${job.platforms.join(",")}`,
            ...Object.entries(job.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
            `--manifest=${list}`,
            job.context,
          ],
          env,
        },
        {
          argv: [
            program,
            ...common,
            "manifest",
            "push",
            `--signature-policy=${directory}/policy.json`,
            "--tls-verify=false",
            "--all",
            list,
            `docker://${job.reference}`,
          ],
          env,
        },
      ];
    },
    [Symbol.asyncDispose]: async () => {
      empty();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function registries(mirror: string, target: string): string {
  const mirrored = (prefix: string): string =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "${prefix}"\n[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true\n`;
  const plain = (host: string): string => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`;
  return [
    'unqualified-search-registries = ["docker.io"]',
    mirrored("docker.io"),
    mirrored("gcr.io"),
    plain(mirror),
    plain(target),
  ].join("\n");
}
