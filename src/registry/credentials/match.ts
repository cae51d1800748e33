/** docker files Docker Hub's account under this name. */
const HUB_KEY = "https://index.docker.io/v1/";
const HUB_HOSTS = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/**
 * Finds the entry for a repository: of the keys that name its host exactly, port included, the one with
 * the longest repository prefix. A key is a host, a URL (`https://host/v1/`) or `host/repository/prefix`.
 */
export function matchKey(keys: Iterable<string>, host: string, path: string): string | undefined {
  const hosts = host === "docker.io" ? HUB_HOSTS : [host];
  let best: { key: string; rank: number } | undefined;
  for (const key of keys) {
    const { host: keyHost, prefix } = splitKey(key);
    if (!hosts.includes(keyHost)) continue;
    if (prefix !== "" && path !== prefix && !path.startsWith(`${prefix}/`)) continue;
    const rank = prefix.length * 2 + (key === host || key === HUB_KEY ? 1 : 0);
    if (best === undefined || rank > best.rank) best = { key, rank };
  }
  return best?.key;
}

/** The name under which a `credsStore` helper knows a host. */
export function storeKey(host: string): string {
  return host === "docker.io" ? HUB_KEY : host;
}

function splitKey(key: string): { host: string; prefix: string } {
  const rest = key.replace(/^https?:\/\//, "");
  const slash = rest.indexOf("/");
  if (slash < 0) return { host: rest.toLowerCase(), prefix: "" };
  const path = rest.slice(slash + 1).replace(/\/+$/, "");
  return { host: rest.slice(0, slash).toLowerCase(), prefix: /^v[12]$/.test(path) ? "" : path };
}
