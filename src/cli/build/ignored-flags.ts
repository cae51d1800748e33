import { parseBoolean } from "../../base/values.ts";
import type { RequestNote } from "../../build/request.ts";
import type { DockerFlags } from "./docker-flags.ts";
import { usage } from "./usage.ts";

/** Refuses what docker's flags ask for and cannot be had, by name. */
export function refuseFlags({ provenance, sbom, attest = [], policy = [] }: DockerFlags): void {
  if (provenance !== undefined && parseBoolean(provenance) !== false)
    throw usage(`--provenance=${provenance}: attestations are not supported yet`, "write --provenance=false");
  if (sbom !== undefined && parseBoolean(sbom) !== false)
    throw usage(`--sbom=${sbom}: attestations are not supported yet`, "write --sbom=false");
  const wanted = attest.find((text) => !/(?:^|,)disabled=(?:true|1)(?:,|$)/i.test(text));
  if (wanted !== undefined) throw usage(`--attest ${wanted}: attestations are not supported yet`, "leave it out");
  if (policy.length > 0) throw usage(`--policy ${policy[0]}: source policies are not supported`, "leave it out");
}

/** What was asked for and is not done, where a build without it is the same image. */
export function ignoredFlags(flags: DockerFlags): readonly RequestNote[] {
  const given = (names: readonly (keyof DockerFlags)[]): string =>
    names
      .filter((name) => flags[name] !== undefined)
      .map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)
      .join(", ");
  const about: readonly (readonly [names: string, what: string, hint: string])[] = [
    [
      given(["cacheFrom", "cacheTo"]),
      "caches of other machines are not supported yet",
      "the store (--root) keeps every result; keep that between jobs",
    ],
    [given(["builder"]), "there are no builders: this process builds", "leave it out"],
    [
      given([...LIMITS]),
      "what can be limited is --memory, --cpus (--cpu-quota, --cpu-period), --cpu-shares and --pids-limit",
      "limit the container or the job that runs manyarch",
    ],
    [given(["isolation", "securityOpt"]), "the sandbox of a RUN is always the same", "leave it out"],
    [
      given(["squash"]),
      "layers stay apart, as BuildKit leaves them",
      "put steps together in one stage and copy from it",
    ],
  ];
  return about
    .filter(([names]) => names !== "")
    .map(([names, what, hint]) => ({
      code: "FLAG_IGNORED",
      message: `${names} ${names.includes(",") ? "are" : "is"} ignored: ${what}`,
      hint,
    }));
}

const LIMITS = ["cgroupParent", "resource", "memorySwap", "cpusetCpus", "cpusetMems"] as const;
