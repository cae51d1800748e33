import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./process.ts";
import { CHECKOUT, copyRuntimeModules } from "./user.ts";

/**
 * Packs this checkout as it would be published and installs that in `directory`, where everybody can read
 * it; answers the program's path. The other packages are copied from the checkout: npm is asked for nothing.
 */
export function installPackage(directory: string): string {
  const modules = join(directory, "node_modules");
  mkdirSync(join(modules, "manyarch"), { recursive: true });
  const packed = runTool("npm", ["pack", "--silent", "--pack-destination", directory], { cwd: CHECKOUT }).trim();
  runTool("tar", ["-xzf", join(directory, packed), "-C", join(modules, "manyarch"), "--strip-components=1"]);
  copyRuntimeModules(directory);
  runTool("chmod", ["-R", "u=rwX,go=rX", modules]);
  return join(modules, "manyarch/bin/manyarch");
}
