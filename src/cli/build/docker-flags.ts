import { flag, text, texts } from "../flag-kinds.ts";

/** Flags of docker buildx build that say how a build is done, and those that say nothing here (ignored-flags.ts). */
export interface DockerFlags {
  readonly call?: string;
  readonly print?: string;
  readonly pull?: boolean;
  readonly noCacheFilter?: readonly string[];
  readonly addHost?: readonly string[];
  readonly network?: string;
  readonly shmSize?: string;
  readonly ulimit?: readonly string[];
  readonly allow?: readonly string[];
  readonly provenance?: string;
  readonly sbom?: string;
  readonly attest?: readonly string[];
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  readonly builder?: string;
  readonly policy?: readonly string[];
  readonly cgroupParent?: string;
  readonly resource?: readonly string[];
  readonly memory?: string;
  readonly cpus?: string;
  readonly pidsLimit?: string;
  readonly memorySwap?: string;
  readonly cpuShares?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly isolation?: string;
  readonly securityOpt?: readonly string[];
  readonly squash?: boolean;
  readonly compress?: boolean;
  readonly rm?: boolean;
  readonly forceRm?: boolean;
}

const hidden = <T extends object>(definition: T): T & { readonly hidden: true } => ({ ...definition, hidden: true });
const IGNORED = "Accepted for docker's sake";

export const dockerFlags = {
  call: text("Print instead of building: check (findings), outline, targets; with ,format=json", "method"),
  print: hidden(text("The old name of --call", "method")),
  pull: flag("Ask the registries for the base images, which every build does"),
  noCacheFilter: texts("Execute every step of these stages. Comma-separated or repeated", "stage"),
  addHost: texts("A line of /etc/hosts for RUNs. Repeatable", "name:ip"),
  network: text("Network of RUNs: default, host, none", "mode"),
  shmSize: text("Size of /dev/shm in RUNs (default: 64m)", "bytes"),
  ulimit: texts("Limit of RUNs: nofile=1024:4096. Repeatable", "type=soft[:hard]"),
  allow: texts("Grant network.host or security.insecure. Repeatable", "entitlement"),
  provenance: hidden(text("Attestations: false only", "false")),
  sbom: hidden(text("Attestations: false only", "false")),
  attest: hidden(texts("Attestations", "type=...")),
  cacheFrom: hidden(texts(IGNORED, "source")),
  cacheTo: hidden(texts(IGNORED, "destination")),
  builder: hidden(text(IGNORED, "name")),
  policy: hidden(texts("Source policies", "filename=...")),
  cgroupParent: hidden(text(IGNORED, "path")),
  resource: hidden(texts(IGNORED, "limit")),
  memory: text("Memory of each RUN: 2g", "bytes"),
  cpus: text("Processors of each RUN: 1.5", "number"),
  pidsLimit: text("Processes of each RUN", "number"),
  memorySwap: hidden(text(IGNORED, "bytes")),
  cpuShares: hidden(text("Weight of each RUN among other processes", "weight")),
  cpuPeriod: hidden(text("Of --cpu-quota (default: 100000)", "microseconds")),
  cpuQuota: hidden(text("Processor time of each RUN in a --cpu-period", "microseconds")),
  cpusetCpus: hidden(text(IGNORED, "list")),
  cpusetMems: hidden(text(IGNORED, "list")),
  isolation: hidden(text(IGNORED, "technology")),
  securityOpt: hidden(texts(IGNORED, "option")),
  squash: hidden(flag(IGNORED)),
  compress: hidden(flag(IGNORED)),
  rm: hidden(flag(IGNORED)),
  forceRm: hidden(flag(IGNORED)),
} as const;
