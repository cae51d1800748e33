import { RegistryError } from "../errors.ts";
import { kindOfAddress } from "../http/address.ts";
import { printable } from "../redact.ts";

/**
 * Where tokens are fetched, from a challenge's `realm`. A registry must not use it to have our
 * credentials sent in the clear, or to have us ask a service inside this network.
 *
 * Names are not resolved: a public name that points inside gets a request, yet over TLS only.
 */
export function parseRealm(realm: string, registry: URL, isPlainHttpAllowed: (address: string) => boolean): URL {
  const url = URL.parse(realm, registry.href);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw refused(realm, registry, "is no http(s) URL");
  const sameHost = url.hostname === registry.hostname;
  if (url.protocol === "http:") {
    if (registry.protocol === "https:") throw refused(realm, registry, "would send credentials without TLS");
    if (!sameHost && !isPlainHttpAllowed(url.host)) throw refused(realm, registry, "is another host without TLS");
  }
  const kind = kindOfAddress(url.hostname);
  const inside = kind !== "public" && kind !== "name";
  const bothLoopback = kind === "loopback" && kindOfAddress(registry.hostname) === "loopback";
  if (inside && !sameHost && !bothLoopback) throw refused(realm, registry, `is a ${kind} address`);
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

function refused(realm: string, registry: URL, why: string): RegistryError {
  const shown = printable(realm.replace(/\/\/[^/@]*@/, "//"), 200);
  return new RegistryError("REGISTRY_PROTOCOL", `${registry.host} sends us for a token to ${shown}, which ${why}`, {
    hint: "No credentials were sent. The registry's token service (realm) is misconfigured or hostile.",
  });
}
