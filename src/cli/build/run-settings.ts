import { parseSize } from "../../base/values.ts";
import type { RunSettings } from "../../build/request.ts";
import type { HostEntry, Ulimit } from "../../worker/protocol.ts";
import type { DockerFlags } from "./docker-flags.ts";
import { usage } from "./usage.ts";

/** What the flags say of every RUN. */
export function parseRunSettings({ addHost, ulimit, shmSize, network, allow }: DockerFlags): RunSettings {
  return {
    hosts: (addHost ?? []).flatMap((text) => text.split(",")).map(parseHost),
    ulimits: (ulimit ?? []).map(parseUlimit),
    shmSize: shmSize === undefined ? undefined : parseShmSize(shmSize),
    network: parseNetwork(network ?? "default"),
    allowInsecure: (allow ?? [])
      .flatMap((text) => text.split(","))
      .map(parseEntitlement)
      .includes("security.insecure"),
  };
}

/** `NAME:IP` or `NAME=IP`; an IPv6 address may stand in brackets. */
function parseHost(text: string): HostEntry {
  const [, name = "", bracketed, plain] = /^([^:=]+)[:=](?:\[(.*)\]|(.*))$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? "";
  if (address === "host-gateway")
    throw usage(
      `--add-host ${text}: there is no gateway: RUNs have the network of this machine`,
      `write ${name}:127.0.0.1`,
    );
  // Loaded only for whoever asks: start-up counts.
  const { isIP } = process.getBuiltinModule("node:net");
  if (name === "" || isIP(address) === 0)
    throw usage(`--add-host ${text}: expected NAME:IP`, "write --add-host db.test:10.0.0.5");
  return { name, address };
}

/** As docker knows them (docker/go-units), without `RLIMIT_`. */
const LIMITS = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];

function parseUlimit(text: string): Ulimit {
  const [, type = "", soft = "", hard = soft] = /^([a-z]+)=(-?\d+|unlimited)(?::(-?\d+|unlimited))?$/.exec(text) ?? [];
  if (!LIMITS.includes(type))
    throw usage(
      `--ulimit ${text}: expected TYPE=SOFT[:HARD]`,
      `write --ulimit nofile=1024:4096; types are ${LIMITS.join(", ")}`,
    );
  const limit = { type, soft: limitOf(soft), hard: limitOf(hard) };
  const isHigher = limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard);
  if (isHigher) throw usage(`--ulimit ${text}: the soft limit is above the hard one`, `write ${type}=${hard}:${soft}`);
  return limit;
}

/** -1 is no limit. */
function limitOf(text: string): number {
  const value = text === "unlimited" ? -1 : Number(text);
  if (Number.isSafeInteger(value) && value >= -1) return value;
  throw usage(`--ulimit: ${text} is no limit`, "write a number, or -1 for none");
}

function parseShmSize(text: string): number {
  const size = parseSize(text);
  if (size !== undefined && size > 0) return size;
  throw usage(`--shm-size ${text}: expected a number of bytes`, "write --shm-size 256m");
}

const NETWORKS = ["default", "host", "none"] as const;

function parseNetwork(text: string): RunSettings["network"] {
  const network = NETWORKS.find((known) => known === text);
  if (network !== undefined) return network;
  throw usage(`--network ${text}: there is no network of that name`, `choose ${NETWORKS.join(", ")}`);
}

const ENTITLEMENTS = ["network.host", "security.insecure", "device", "buildx.local.delete"];

function parseEntitlement(text: string): string {
  const name = text.split("=", 1)[0] ?? "";
  if (ENTITLEMENTS.includes(name)) return name;
  throw usage(`--allow ${text}: no such entitlement`, `known are ${ENTITLEMENTS.join(", ")}`);
}
