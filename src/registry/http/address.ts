import type * as nodeNet from "node:net";

export type AddressKind = "name" | "public" | "loopback" | "private" | "link-local" | "unspecified";

/** RFC 6890's special ranges, as far as they lead back into the machine or its network. */
const RANGES: readonly (readonly [AddressKind, "ipv4" | "ipv6", string, number])[] = [
  ["loopback", "ipv4", "127.0.0.0", 8],
  ["loopback", "ipv6", "::1", 128],
  ["unspecified", "ipv4", "0.0.0.0", 8],
  ["unspecified", "ipv6", "::", 128],
  ["link-local", "ipv4", "169.254.0.0", 16],
  ["link-local", "ipv6", "fe80::", 10],
  ["private", "ipv4", "10.0.0.0", 8],
  ["private", "ipv4", "100.64.0.0", 10],
  ["private", "ipv4", "172.16.0.0", 12],
  ["private", "ipv4", "192.168.0.0", 16],
  ["private", "ipv6", "fc00::", 7],
];

/** Whether a URL's host is this machine by its very name: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(hostname: string): boolean {
  return kindOfAddress(hostname) === "loopback";
}

/** What kind of address a URL's host name is. Names are not looked up; `localhost` counts as loopback. */
export function kindOfAddress(hostname: string): AddressKind {
  const host = withoutBrackets(hostname).toLowerCase().replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback";
  const family = ipFamily(host);
  if (family === undefined) return "name";
  for (const [kind, , network, bits] of RANGES) {
    if (inSubnet(host, network, bits)) return kind;
  }
  return "public";
}

/** Whether `address` lies in `network`/`bits`. IPv4 written as IPv6 (`::ffff:10.0.0.1`) counts as IPv4. */
export function inSubnet(address: string, network: string, bits: number): boolean {
  const family = ipFamily(address);
  const networkFamily = ipFamily(network);
  if (family === undefined || networkFamily === undefined) return false;
  const list = new (net().BlockList)();
  list.addSubnet(network, bits, networkFamily);
  return list.check(address, family);
}

export function ipFamily(address: string): "ipv4" | "ipv6" | undefined {
  const version = net().isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}

/** A URL writes IPv6 addresses in brackets; sockets want them without. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
}

function net(): typeof nodeNet {
  return process.getBuiltinModule("node:net");
}
