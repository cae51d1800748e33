import { Hidden } from "../../base/hidden.ts";
import type { HttpStep } from "../../engine/types.ts";

/** What is fetched of an address. Its user and password are kept apart. */
export function httpStep(url: URL, name: string, checksum?: HttpStep["checksum"]): HttpStep {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  bare.hash = "";
  const credentials =
    url.username === "" && url.password === ""
      ? undefined
      : new Hidden(`${unescaped(url.username)}:${unescaped(url.password)}`);
  return { kind: "http", url: bare.href, name, ...(credentials && { credentials }), ...(checksum && { checksum }) };
}

/** The last component of the path, as BuildKit names it; what a server calls the file counts for nothing. */
export function fileName(url: URL): string {
  const name =
    unescaped(url.pathname)
      .split("/")
      .findLast((component) => component !== "") ?? "";
  if (name === "" || name === ".") return "__unnamed__";
  return name === ".." || /\p{Cc}/u.test(name) ? "download" : name;
}

/** A lone percent sign stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
