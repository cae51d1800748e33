import type { RegistrySettings } from "../../build/request.ts";
import { parseMirrors } from "../../registry/mirrors.ts";
import type { Settings } from "../settings.ts";
import type { BuildFlags } from "./spec.ts";
import { usage } from "./usage.ts";

/** Mirrors of flags are asked before those of the settings. */
export function parseRegistries(
  { registryMirror = [], plainHttp = [] }: Pick<BuildFlags, "registryMirror" | "plainHttp">,
  settings: Settings,
): RegistrySettings {
  return {
    mirrors: parseMirrors([...registryMirror, ...settings.mirrors]),
    plainHttp: [...settings.plainHttp, ...plainHttp].map(checkHost),
  };
}

/** One that is no host's would be that of no registry, without a word. */
function checkHost(text: string): string {
  if (/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d+)?$|^[0-9a-f:]+$/i.test(text)) return text;
  throw usage(`--plain-http ${text}: expected HOST or HOST:PORT`, "write --plain-http registry.lan:5000");
}
