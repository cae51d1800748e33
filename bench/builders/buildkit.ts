import { Buildkitd } from "../../test/bed/buildkitd.ts";
import { BUILDKIT_VERSION } from "../../test/bed/peers.ts";
import type { Builder } from "./builder.ts";

/** buildkitd as root, warm: its start is not measured, as it is up when people build. */
export async function buildkit(mirror: string, target: string): Promise<Builder> {
  const daemon = await Buildkitd.start(mirror, [target]);
  return {
    name: "BuildKit",
    version: BUILDKIT_VERSION,
    executables: ["buildkitd", "buildctl"],
    daemon: () => daemon.pid,
    reset: () => daemon.reset(),
    commands: (job) => [
      {
        argv: [
          ...daemon.client,
          "build",
          "--progress=plain",
          "--frontend=dockerfile.v0",
          `--local=context=${job.context}`,
          `--local=dockerfile=${job.context}`,
          `--opt=platform=${job.platforms.join(",")}`,
          ...Object.entries(job.buildArgs).map(([name, value]) => `--opt=build-arg:${name}=${value}`),
          `--output=type=image,name=${job.reference},push=true,registry.insecure=true`,
        ],
        env: daemon.env,
      },
    ],
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
