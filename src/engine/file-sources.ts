import { assertNever } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { digestHex, type Digest } from "../oci/digest.ts";
import { contentDigest } from "../snapshot/content-digest.ts";
import { fileTree } from "../snapshot/file-tree.ts";
import { selectSources } from "../snapshot/select.ts";
import type { CopySelection, CopySource, MoreCopied } from "../worker/protocol.ts";
import { once } from "./once.ts";
import type { EngineOptions } from "./options.ts";
import type { Work } from "./remote-sources.ts";
import { MORE_CONTENT, type Selection } from "./step-keys.ts";
import type { CopyStep, FileStep, FilesStep, GitStep, StepId } from "./types.ts";
import type { Slot } from "./why.ts";
import type { WorkerCalls } from "./worker-calls.ts";

/** What is copied from and is no layer: directories of this machine, files and repositories at addresses. */
export class FileSources {
  readonly #o: EngineOptions;
  readonly #calls: WorkerCalls;
  readonly #files = new Map<StepId, Promise<FileStep>>();
  readonly #repositories = new Map<StepId, Promise<CopySource>>();

  constructor(options: EngineOptions, calls: WorkerCalls) {
    this.#o = options;
    this.#calls = calls;
  }

  /** All that was begun. */
  get pending(): readonly Promise<unknown>[] {
    return [...this.#files.values(), ...this.#repositories.values()];
  }

  /** Where the worker finds the files. */
  async source(id: StepId, step: FilesStep): Promise<CopySource> {
    switch (step.kind) {
      case "context":
        return { kind: "context", directory: step.directory, ignore: step.ignore };
      case "file":
        return step;
      case "http":
        return this.#file(id, step);
      case "git":
        return once(this.#repositories, id, () => this.#repository(id, step));
      default:
        return assertNever(step);
    }
  }

  /** What is selected, where that can be told here; of a repository the name of its files, to be asked about. */
  async select(id: StepId, step: FilesStep, selection: CopySelection): Promise<Selection | { readonly name: string }> {
    switch (step.kind) {
      case "context":
        return this.#o.selectContext(selection, step.directory, step.ignore);
      case "file":
      case "http":
        return { content: selectFile(await this.#file(id, step), selection) };
      case "git":
        return { name: await this.#o.remote.commit(step) };
      default:
        return assertNever(step);
    }
  }

  #file(id: StepId, step: FilesStep & { readonly kind: "file" | "http" }): Promise<FileStep> {
    if (step.kind === "file") return Promise.resolve(step);
    return once(this.#files, id, async () => {
      const file = await this.#o.remote.file(step, this.#work(id));
      this.#o.reporter.hit(id, "not changed at its address");
      return file;
    });
  }

  async #repository(id: StepId, step: GitStep): Promise<CopySource> {
    const layer = await this.#o.remote.repository(step, this.#work(id));
    // Of one layer the chainID is the diffID.
    const snapshot = digestHex(layer.diffId);
    if (!(await this.#calls.hasSnapshot(snapshot)))
      await this.#calls.chore({ op: "extract", layer, parents: [], id: snapshot });
    this.#o.reporter.hit(id, "commit in the store");
    return { kind: "chain", chain: [snapshot] };
  }

  #work(id: StepId): Work {
    return (reason, body) => this.#o.reporter.execute(id, reason, body);
  }
}

/** What a copy takes beside its first source, as the worker is told; `slot` is of its key. */
export async function moreCopied(
  { more }: CopyStep,
  slot: Slot,
  sourceOf: (from: StepId) => Promise<CopySource>,
): Promise<readonly MoreCopied[] | undefined> {
  const contents = slot.fields.find(([name]) => name === MORE_CONTENT)?.[1] ?? [];
  if (more === undefined) return undefined;
  return Promise.all(
    more.map(async ({ from, paths, unpack }, index) => {
      return { source: await sourceOf(from), paths, unpack, expect: contents[index] as Digest };
    }),
  );
}

/** The digest of what is selected of one file, whose bytes are known by theirs. */
function selectFile({ name, size, mode, mtime, digest }: FileStep, selection: CopySelection): string {
  const open = (): never => {
    throw new Error("a file that is known by its digest is not read");
  };
  const tree = fileTree({ name: fromUtf8(name), size, mode, mtime: BigInt(mtime), open });
  const { paths, parents, excludes } = selection;
  const sources = selectSources(tree, paths.map(fromUtf8), { parents, excludes });
  return contentDigest(tree, sources, () => Buffer.from(digestHex(digest), "hex"));
}
