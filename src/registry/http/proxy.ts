import { RegistryError } from "../errors.ts";
import { inSubnet, ipFamily, isLoopback, withoutBrackets } from "./address.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for `url`, chosen as Go's net/http does: `HTTPS_PROXY` or `HTTP_PROXY` by the URL's scheme,
 * upper case first, nothing for loopback hosts or what `NO_PROXY` names.
 *
 * Throws `REGISTRY_PROXY_INVALID`.
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const variable = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = lookUp(env, variable);
  if (value === "" || isLoopback(url.hostname)) return undefined;
  // httpoxy: in a CGI program HTTP_PROXY is the client's "Proxy:" header.
  if (variable === "HTTP_PROXY" && (env["REQUEST_METHOD"] ?? "") !== "") return undefined;
  if (isExcluded(url, lookUp(env, "NO_PROXY"))) return undefined;
  return parseProxy(value, variable);
}

function lookUp(env: Environment, name: string): string {
  return (env[name] || env[name.toLowerCase()] || "").trim();
}

function parseProxy(value: string, variable: string): URL {
  const url = URL.parse(value.includes("://") ? value : `http://${value}`);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "") return url;
  // The value is not shown: it may hold a password.
  throw new RegistryError("REGISTRY_PROXY_INVALID", `the proxy in ${variable} is not an http:// or https:// URL`, {
    hint: `Set ${variable} to http://HOST:PORT, or add the registry's host to NO_PROXY.`,
  });
}

/** golang.org/x/net/http/httpproxy: `*`, CIDR, address, domain, `.domain`, `*.domain`, each with an optional port. */
function isExcluded(url: URL, noProxy: string): boolean {
  const host = withoutBrackets(url.hostname).toLowerCase().replace(/\.$/, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry === "*" || (entry !== "" && matches(entry, host, port)));
}

function matches(entry: string, host: string, port: string): boolean {
  const subnet = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (subnet !== null) return inRange(host, subnet[1] ?? "", Number(subnet[2]));
  const [name, onlyPort] = splitPort(entry);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (ipFamily(name) !== undefined) return name === host;
  const domain = name.replace(/^\*\./, ".");
  if (domain.startsWith(".")) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

function inRange(host: string, network: string, bits: number): boolean {
  const family = ipFamily(network);
  return family !== undefined && bits <= (family === "ipv4" ? 32 : 128) && inSubnet(host, network, bits);
}

function splitPort(entry: string): [string, string | undefined] {
  if (ipFamily(entry) !== undefined) return [entry, undefined];
  const match = /^(.*):(\d+)$/.exec(entry);
  return match === null ? [withoutBrackets(entry), undefined] : [withoutBrackets(match[1] ?? ""), match[2]];
}
