import type { Digest } from "../oci/digest.ts";
import { contentDigest } from "../snapshot/content-digest.ts";
import { emptyTree } from "../snapshot/empty-tree.ts";
import type { CopySelection, CopySource } from "../worker/protocol.ts";
import { isFiles, stepOf } from "./chain.ts";
import { missingCrossed } from "./cross.ts";
import { stepKey } from "./keys.ts";
import { selectionFields } from "./graph.ts";
import { once } from "./once.ts";
import type { Parts } from "./parts.ts";
import { moreSelections, type Selection } from "./step-keys.ts";
import { resultChanged } from "./step-records.ts";
import type { StepId } from "./types.ts";

/** What steps take of others: of a context by reading it, of another stage by what was found there before. */
export class Selections {
  readonly #parts: Parts;
  readonly #found = new Map<string, Promise<Selection>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** All that was begun. */
  get pending(): readonly Promise<unknown>[] {
    return [...this.#found.values()];
  }

  /** What `id` takes of `from`; an error leaves with the instruction's place. */
  async forStep(id: StepId, from: StepId, selection: CopySelection): Promise<Selection> {
    const { graph, reporter } = this.#parts.options;
    try {
      return await this.#of(from, selection);
    } catch (cause) {
      throw missingCrossed(stepOf(graph, id), reporter.positioned(id, cause));
    }
  }

  /** Reads what is copied of build contexts, for keys that come later: what is not there fails before any step runs. */
  async ofContexts(): Promise<void> {
    const { steps } = this.#parts.options.graph;
    const selected = [...steps].flatMap(([id, step]) =>
      step.kind === "copy"
        ? [{ id, from: step.from, selection: step }, ...moreSelections(step).map((more) => ({ id, ...more }))]
        : [],
    );
    const ofContexts = selected.filter(({ from }) => steps.get(from)?.kind === "context");
    await Promise.all(ofContexts.map(({ id, from, selection }) => this.forStep(id, from, selection)));
  }

  /** Where the worker finds the files of a step. */
  async source(id: StepId): Promise<CopySource> {
    const { options, files, snapshot } = this.#parts;
    const from = stepOf(options.graph, id);
    return isFiles(from) ? files.source(id, from) : { kind: "chain", chain: await snapshot(id) };
  }

  /**
   * A RUN that had to be repeated, as its snapshot was lost, may have left other files than those whose
   * digest a key is made of. Its new record is there by now: building again gives another key.
   */
  async checkRemade(from: StepId, selection: CopySelection, expect: Digest): Promise<void> {
    const { records, options } = this.#parts;
    const remade = await records.remade(from);
    if (remade === undefined || (await this.#ofResult(remade.id, from, selection)) === expect) return;
    throw resultChanged(options.reporter.name(from).text);
  }

  #of(id: StepId, selection: CopySelection): Promise<Selection> {
    if (selection.paths.length === 0) return Promise.resolve({ content: contentDigest(emptyTree, []) });
    return once(this.#found, selectionName(id, selection), async () => {
      const { options, files, records } = this.#parts;
      const from = stepOf(options.graph, id);
      const found = isFiles(from) ? await files.select(id, from, selection) : { name: await records.identity(id) };
      return "content" in found ? found : { content: await this.#ofResult(found.name, id, selection) };
    });
  }

  async #ofResult(identity: string, id: StepId, selection: CopySelection): Promise<Digest> {
    const { options, records, calls } = this.#parts;
    const name = selectionName(identity, selection);
    const known = options.results.selection(name);
    if (known !== undefined) return known;
    const { paths, parents, excludes, withItself } = selection;
    const source = await this.source(id);
    const { content } = await calls.chore({ op: "select", source, paths, parents, excludes, withItself });
    // A result that was made again is another one than the record named.
    const remade = await records.remade(id);
    options.results.putSelection(remade === undefined ? name : selectionName(remade.id, selection), content);
    return content;
  }
}

/** Names what a selection takes of a source, which `from` identifies. */
function selectionName(from: string, selection: CopySelection): string {
  return stepKey("select", [["from", from], ["paths", selection.paths], ...selectionFields(selection)]);
}
