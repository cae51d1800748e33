import { compareBytewise } from "../../../base/bytes.ts";
import { AppError } from "../../../base/errors.ts";
import { wordRange } from "../errors.ts";
import type { Word } from "../ast.ts";
import type { ExposeInstruction } from "../instructions/types.ts";
import { checkPort } from "../lint/expose.ts";
import { commitEmpty, expandWords, placeOf } from "./state.ts";
import type { StageState } from "./state.ts";

export function convertExpose(state: StageState, expose: ExposeInstruction): void {
  const words = [...expose.ports].sort((a, b) => compareBytewise(a.text, b.text));
  const ports = words.flatMap((word) =>
    expandWords(state, expose.node, word).flatMap((text) => {
      const read = parsePort(text) ?? refuse(expose, word, text);
      checkPort(state.conversion.linter, text, placeOf(state, expose.node));
      return read;
    }),
  );
  const added = Object.fromEntries(ports.map((port) => [port, {}]));
  state.config = { ...state.config, ExposedPorts: { ...state.config.ExposedPorts, ...added } };
  commitEmpty(state, `EXPOSE [${ports.join(" ")}]`);
}

/**
 * `[[HOST:]HOSTPORT:]PORT[-END][/PROTOCOL]` as the ports it names: `80/tcp`. What stands before the
 * last colon means nothing here, but BuildKit takes it, so it is only checked for its form.
 */
export function parsePort(text: string): readonly string[] | undefined {
  const [, host, port = "", protocol = "tcp"] = /^(?:(.*):)?([^:/]*)(?:\/(.*))?$/s.exec(text) ?? [];
  const range = parseRange(port);
  if (range === undefined || !/^(?:tcp|udp|sctp|)$/i.test(protocol) || !isHostPart(host)) return undefined;
  const [first, last] = range;
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase() || "tcp"}`);
}

function parseRange(text: string): readonly [number, number] | undefined {
  const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return last > 65535 || last < first ? undefined : [first, last];
}

/** Nothing, a port or range of the host, and before that an IP address, IPv6 with brackets or without. */
function isHostPart(host: string | undefined): boolean {
  if (host === undefined) return true;
  const colon = host.lastIndexOf(":");
  const port = host.slice(colon + 1);
  const address = colon < 0 ? "" : host.slice(0, colon);
  const isPort = port === "" || parseRange(port) !== undefined;
  return isPort && /^(?:|\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?)$/.test(address);
}

function refuse({ node }: ExposeInstruction, word: Word, text: string): never {
  throw new AppError("DOCKERFILE_PORT", `EXPOSE expects a port from 0 to 65535, found ${JSON.stringify(text)}`, {
    source: wordRange(node, word),
    hint: "Write PORT, PORT/udp or FIRST-LAST.",
  });
}
