import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const EXPOSE_PROTO_CASING: Rule = {
  name: "ExposeProtoCasing",
  description: "Protocol in EXPOSE instruction should be lowercase",
  url: "https://docs.docker.com/go/dockerfile/rule/expose-proto-casing/",
  severity: "warning",
  hint: "Write tcp, udp or sctp.",
};

export const EXPOSE_INVALID_FORMAT: Rule = {
  name: "ExposeInvalidFormat",
  description:
    "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
  url: "https://docs.docker.com/go/dockerfile/rule/expose-invalid-format/",
  severity: "warning",
  hint: "Write the container's port alone; docker run -p publishes it.",
};

/** A port that has been read: `[[HOST:]HOSTPORT:]PORT[/PROTOCOL]`. */
export function checkPort(linter: Linter, port: string, place: Place): void {
  const [, host, protocol = ""] = /^(?:(.*):)?[^:/]*(?:\/(.*))?$/s.exec(port) ?? [];
  if (protocol !== protocol.toLowerCase()) {
    linter.report(EXPOSE_PROTO_CASING, `Defined protocol '${port}' in EXPOSE instruction should be lowercase`, place);
  }
  // `:80` has an empty one, which says nothing.
  if (host === undefined || host === "" || host === ":") return;
  const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
  linter.report(EXPOSE_INVALID_FORMAT, message, place);
}
