import { mkdirSync, symlinkSync } from "node:fs";
import { fsPath } from "../../sys/bytes-path.ts";
import type { BytesPath } from "../../sys/bytes-path.ts";

/** Other paths to files, for where a path says too much or too little. */
export interface ShortLinks {
  /** A path to `file` by way of a link to its directory. */
  below(file: BytesPath): BytesPath;
  /** A path to `file` that ends in `name`. */
  called(name: BytesPath, file: BytesPath): BytesPath;
}

/** Makes links in `directory`, which is made for the first. Each is made once. */
export function shortLinks(directory: string): ShortLinks {
  const known = new Map<string, BytesPath>();
  const link = (key: string, name: BytesPath, target: BytesPath): BytesPath => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const place = `${directory}/${known.size}`;
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const made = `${place}/${name}`;
    symlinkSync(fsPath(target), fsPath(made));
    known.set(key, made);
    return made;
  };
  return {
    below: (file) => {
      const slash = file.lastIndexOf("/");
      const target = file.slice(0, slash);
      return link(`/${target}`, "d", target) + file.slice(slash);
    },
    called: (name, file) => link(`${name}/${file}`, name, file),
  };
}
