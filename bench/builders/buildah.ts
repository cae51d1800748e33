import { BuildahPlace } from "../../test/bed/buildah.ts";
import { BUILDAH_VERSION } from "../../test/bed/peers.ts";
import type { Builder } from "./builder.ts";

/** buildah as root with layers kept and platforms side by side, in its chroot isolation. */
export function buildah(mirror: string, target: string): Builder {
  const place = new BuildahPlace(mirror, [target]);
  let lists = 0;
  return {
    name: "buildah",
    version: BUILDAH_VERSION,
    executables: ["buildah"],
    daemon: () => undefined,
    reset: async () => place.empty(),
    commands: (job) => {
      // A second build adds to the manifest list of the first instead of replacing it.
      const list = `localhost/bench-${++lists}`;
      const flags = [
        ...place.buildFlags,
        "--layers",
        `--jobs=${job.platforms.length}`,
        `--platform=${job.platforms.join(",")}`,
        ...Object.entries(job.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
        `--manifest=${list}`,
      ];
      return [
        { argv: place.command("build", ...flags, job.context), env: place.env },
        {
          argv: place.command("manifest", "push", ...place.pushFlags, "--all", list, `docker://${job.reference}`),
          env: place.env,
        },
      ];
    },
    [Symbol.asyncDispose]: async () => place[Symbol.dispose](),
  };
}
