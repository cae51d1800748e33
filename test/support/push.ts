import type { Bed } from "../bed/bed.ts";
import { build, MACHINE, type Built } from "./build-log.ts";
import { newContext, type Files } from "./context.ts";
import { configOf, Rootfs, type Config } from "./image.ts";

/** An image that was built for this machine, pushed and read back. */
export interface Pushed extends Disposable {
  /** `repository:tag` in the bed's target. */
  readonly name: string;
  readonly built: Built;
  readonly root: Rootfs;
  readonly config: Config;
}

let images = 0;

export async function pushed(
  bed: Bed,
  dockerfile: string,
  files: Files = {},
  flags: readonly string[] = [],
): Promise<Pushed> {
  const name = `image-${images++}:1`;
  const context = newContext(bed, { Dockerfile: dockerfile, ...files });
  const built = await build(bed, ["--push", "-t", `${bed.target.host}/${name}`, ...flags, context]);
  const root = await Rootfs.of(bed.target, name, MACHINE);
  const config = await configOf(bed.target, name, MACHINE);
  return { name, built, root, config, [Symbol.dispose]: () => root[Symbol.dispose]() };
}
