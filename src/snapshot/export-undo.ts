import { chmodSync, rmdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { SpilledStack } from "./spilled-stack.ts";
import { bytesOf } from "./write-node.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import { RootDirectory } from "../sys/root-path.ts";

type Step =
  | { readonly kind: "file"; readonly path: BytesPath }
  | { readonly kind: "directory"; readonly path: BytesPath }
  | { readonly kind: "mode"; readonly path: BytesPath; readonly mode: number };

/** What an export has changed in a directory, so that a failed one can be taken back. */
export class ExportUndo {
  /** Directories made above the destination, and itself: the highest first. */
  readonly parents: string[] = [];
  readonly #directory: string;
  readonly #steps: SpilledStack<Step>;
  #replaces = false;

  /** `temporary` is a path for what is to be remembered of large trees, where a file can be made for a moment. */
  constructor(directory: string, temporary: string) {
    this.#directory = directory;
    this.#steps = new SpilledStack(temporary);
  }

  /** A directory was made. */
  directory(path: BytesPath): void {
    this.#steps.push({ kind: "directory", path });
  }

  /** A directory that was there, of `mode`, was given another one. */
  closed(path: BytesPath, mode: number): void {
    this.#steps.push({ kind: "mode", path, mode });
  }

  /** A file or link is about to be made, in the place of another one where it `replaces`. */
  begun(path: BytesPath, replaces: boolean): void {
    this.#steps.push({ kind: "file", path });
    this.#replaces = replaces;
  }

  /** It is whole. What was replaced cannot come back, so the new one stays. */
  finished(): void {
    if (this.#replaces) this.#steps.pop();
  }

  /** Removes what was made and nothing else: a directory that somebody has put something into stays. */
  undo(): void {
    if (!this.#steps.isEmpty) this.#undoInside();
    for (const directory of this.parents.toReversed()) quietly(() => rmdirSync(directory));
    this.close();
  }

  /** Nothing is to be taken back any more. May be called again. */
  close(): void {
    this.#steps.close();
  }

  #undoInside(): void {
    const root = RootDirectory.open(this.#directory, { links: "refuse" });
    try {
      for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) undoStep(root, step);
    } finally {
      root.close();
    }
  }
}

function undoStep(root: RootDirectory, { path, ...step }: Step): void {
  quietly(() => {
    switch (step.kind) {
      case "file":
        return unlinkSync(root.at(path));
      case "directory":
        root.forget();
        return rmdirSync(root.at(path));
      case "mode":
        return chmodSync(`${bytesOf(root.directory(path))}/.`, step.mode);
    }
  });
}

/** What cannot be removed stays: the failure that led here is the one to tell of. */
function quietly(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}
