import { createReadStream } from "node:fs";
import { join } from "node:path";
import { openSink } from "../output/file-sink.ts";
import type { Session } from "../store/store.ts";
import type { ExportedTree } from "../worker/protocol.ts";
import type { Worker } from "../worker/spawn.ts";

export interface ExportedFiles {
  readonly kind: "local" | "tar";
  readonly destination: string;
  readonly trees: readonly ExportedTree[];
  /** Seconds since the epoch: the time of everything. */
  readonly epoch: number | undefined;
}

export interface ExportTools {
  readonly signal: AbortSignal;
  session(): Session;
  worker(): Promise<Worker>;
}

/** Writes the file systems of all platforms into a directory or one tar. Answers what was made. */
export async function writeTrees(
  { kind, destination, trees, epoch }: ExportedFiles,
  { signal, session, worker }: ExportTools,
): Promise<readonly string[]> {
  const exporter = await worker();
  if (kind === "local") {
    await exporter.request({ op: "export", trees, form: "directory", path: destination, epoch }, { signal });
    return [...new Set(trees.map(({ prefix }) => join(destination, prefix)))];
  }
  // The worker has no descriptor of ours, so the tar comes by way of the session's directory.
  const path = session().tempPath("export.tar");
  await exporter.request({ op: "export", trees, form: "tar", path, epoch }, { signal });
  const sink = openSink(destination, signal);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: COPY_BYTES })) await sink.write(chunk as Buffer);
    await sink.commit();
  } catch (error) {
    sink.abort();
    throw error;
  }
  return destination === "-" ? [] : [destination];
}

const COPY_BYTES = 1024 * 1024;
