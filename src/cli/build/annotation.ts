import { ANNOTATION_SCOPES, type Annotation } from "../../oci/annotation.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { usage } from "./usage.ts";

/** `[SCOPE[PLATFORM],…:]KEY=VALUE` of --annotation; several scopes give as many annotations. */
export function parseAnnotation(text: string): readonly Annotation[] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw usage(`--annotation ${text}: expected key=value`, HINT);
  const [value, name] = [text.slice(equals + 1), text.slice(0, equals)];
  const colon = name.indexOf(":");
  if (colon < 0) return [{ scope: "manifest", key: name, value }];
  const key = name.slice(colon + 1);
  if (key === "") throw usage(`--annotation ${text}: the key is empty`, HINT);
  return name
    .slice(0, colon)
    .split(",")
    .map((part) => ({ ...parseScope(part, `--annotation ${text}`), key, value }));
}

/** The name of an output's option as an annotation: `annotation.KEY`, `annotation-index.KEY`, `annotation[linux/arm64].KEY`. */
export function outputAnnotation(name: string, value: string, flag: string): Annotation | undefined {
  const match = /^annotation(?:-([a-z-]+))?(\[[^\]]*\])?\.(.+)$/.exec(name);
  if (match === null) return undefined;
  const [, scope = "manifest", platform = "", key = ""] = match;
  return { ...parseScope(scope + platform, flag), key, value };
}

function parseScope(text: string, flag: string): Pick<Annotation, "scope" | "platform"> {
  const [, name = "", platform] = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/.exec(text) ?? [];
  const scope = ANNOTATION_SCOPES.find((known) => known === name);
  if (scope === undefined) throw usage(`${flag}: ${text} is no place for an annotation`, HINT);
  return { scope, ...(platform !== undefined && { platform: parsePlatform(platform) }) };
}

const HINT = `write key=value, or one of ${ANNOTATION_SCOPES.join(", ")} in front: index:key=value, manifest[linux/arm64]:key=value`;
