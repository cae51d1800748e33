import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The bundle that update-ca-certificates would make of an unpacked ca-certificates package. */
export function certificateBundle(root: string): string {
  const directory = join(root, "usr/share/ca-certificates/mozilla");
  const names = readdirSync(directory).filter((name) => name.endsWith(".crt"));
  return names
    .toSorted()
    .map((name) => `${readFileSync(join(directory, name), "utf8").trimEnd()}\n`)
    .join("");
}
