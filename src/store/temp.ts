import { randomBytes } from "node:crypto";

/**
 * Where a process of a build puts what is not finished. Everything below it is gone when the build
 * is, however it ends (see session.ts). It is on the store's file system, so a rename publishes.
 */
export interface TempSpace {
  readonly directory: string;
  /** A path that no other call of any process of this build answers. `name` is for people; nothing is created. */
  tempPath(name: string): string;
}

/** The space in a session's directory, for the worker too: names of two processes never meet. */
export function tempSpace(directory: string): TempSpace {
  // Not the process id: control and worker may have the same one in their own pid namespaces.
  const process = randomBytes(4).toString("hex");
  let count = 0;
  return { directory, tempPath: (name) => `${directory}/${name}.${process}.${count++}` };
}
