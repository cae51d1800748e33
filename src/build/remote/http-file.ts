import { AppError } from "../../base/errors.ts";
import type { OnTransfer, TransferState } from "../../base/transfer.ts";
import type { Work } from "../../engine/remote-sources.ts";
import type { PrivateInputs } from "../../engine/run-mounts.ts";
import { stepKey } from "../../engine/keys.ts";
import type { FileStep, HttpStep } from "../../engine/types.ts";
import { openLayerStream } from "../../layer/decompress.ts";
import type { Digest } from "../../oci/digest.ts";
import { sendFollowing } from "../../registry/http/redirect.ts";
import type { HttpResponse, Transport } from "../../registry/http/transport.ts";
import { DEFAULT_RETRY, retry, systemClock } from "../../registry/retry.ts";
import type { Session, Store } from "../../store/store.ts";
import { brokenOff, fetchError, statusError } from "./http-errors.ts";

export interface HttpFileOptions {
  readonly store: Store;
  readonly session: () => Session;
  readonly transport: Transport;
  readonly private: PrivateInputs;
  readonly signal: AbortSignal;
  readonly onTransfer: OnTransfer;
}

/** What is remembered of an address: the blob that was there, and by what its server may know it again. */
interface KnownFile {
  readonly digest: Digest;
  readonly size: number;
  readonly etag?: string | undefined;
  /** As the server wrote it. */
  readonly lastModified?: string | undefined;
}

/** As BuildKit leaves a file that came by HTTP. */
const MODE = 0o600;

/**
 * The file at an address, in the store. One whose checksum is given and known is not asked for; else the
 * server is, and only a file that changed is downloaded. Throws `FETCH_*`.
 */
export async function fetchFile(step: HttpStep, work: Work, options: HttpFileOptions): Promise<FileStep> {
  const { store } = options;
  const rows = store.records.table<KnownFile>("sources");
  const row = stepKey("http source", [
    ["url", step.url],
    ["checksum", step.checksum ?? ""],
  ]);
  const kept = rows.get(row);
  const known = kept !== undefined && store.blobs.has(kept.digest, kept.size) ? kept : undefined;
  if (known !== undefined && known.digest === step.checksum) return fileOf(step, known);
  try {
    const answer = await attempts(options.signal, () => ask(step, known, options));
    if (answer.kind === "known") return fileOf(step, answer.file);
    const reason = kept === undefined ? "not fetched before" : "changed at its address";
    let first: HttpResponse | undefined = answer.response;
    const file = await work(reason, () =>
      attempts(options.signal, async () => {
        const response = first ?? (await responseTo(await ask(step, undefined, options)));
        first = undefined;
        return download(step, response, options);
      }),
    );
    rows.put(row, file);
    return fileOf(step, file);
  } catch (error) {
    options.signal.throwIfAborted();
    throw fetchError(error, step.url);
  }
}

type Answer =
  | { readonly kind: "known"; readonly file: KnownFile }
  | { readonly kind: "new"; readonly response: HttpResponse };

async function ask(step: HttpStep, known: KnownFile | undefined, options: HttpFileOptions): Promise<Answer> {
  const url = new URL(step.url);
  url.hash = "";
  const headers = { ...authorization(step, options.private), ...validators(known) };
  const response = await sendFollowing(options.transport, { method: "GET", url, headers }, options.signal);
  if (known !== undefined && isSame(response, known)) {
    await response.discard();
    return { kind: "known", file: known };
  }
  if (response.status === 200) return { kind: "new", response };
  throw await statusError(response, step.url);
}

function validators(known: KnownFile | undefined): Readonly<Record<string, string>> {
  if (known?.etag !== undefined) return { "if-none-match": known.etag };
  return known?.lastModified === undefined ? {} : { "if-modified-since": known.lastModified };
}

/** Some servers give an ETag and take no notice of it in a request. */
function isSame({ status, headers }: HttpResponse, known: KnownFile): boolean {
  if (status === 304) return true;
  return status === 200 && known.etag !== undefined && strong(headers.etag) === strong(known.etag);
}

function strong(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, "");
}

async function responseTo(answer: Answer): Promise<HttpResponse> {
  if (answer.kind === "new") return answer.response;
  throw new Error("a server answered that what it was not told of is not changed");
}

/** As BuildKit finds it: secrets of the host's name first, then what the URL says. */
function authorization({ url, credentials }: HttpStep, inputs: PrivateInputs): Readonly<Record<string, string>> {
  const { hostname } = new URL(url);
  const token = inputs.secret(`HTTP_AUTH_TOKEN_${hostname}`);
  if (token !== undefined) return { authorization: `Bearer ${Buffer.from(token).toString("utf8").trim()}` };
  const header = inputs.secret(`HTTP_AUTH_HEADER_${hostname}`);
  if (header !== undefined) return { authorization: Buffer.from(header).toString("utf8").trim() };
  if (credentials === undefined) return {};
  return { authorization: `Basic ${Buffer.from(credentials.reveal()).toString("base64")}` };
}

async function download(step: HttpStep, response: HttpResponse, options: HttpFileOptions): Promise<KnownFile> {
  const { store, signal } = options;
  const length = response.headers["content-length"];
  const tell = progressOf(step, length === undefined ? undefined : Number(length), options.onTransfer);
  const start = performance.now();
  const writer = store.blobs.writer(options.session());
  let blob: { readonly digest: Digest; readonly size: number };
  try {
    tell({ kind: "started" });
    await response.read((chunk) => {
      writer.write(chunk);
      tell({ kind: "progress", bytes: writer.size });
    });
    if (length !== undefined && Number(length) !== writer.size) throw brokenOff(step.url, writer.size, length);
    blob = await writer.commitAsync({}, signal);
    tell({ kind: "done", milliseconds: performance.now() - start }, blob.size);
  } finally {
    writer.abort();
  }
  const { etag, "last-modified": lastModified, "content-encoding": encoding } = response.headers;
  if (encoding === "gzip" || encoding === "x-gzip") blob = await decoded(blob, options);
  if (step.checksum !== undefined && blob.digest !== step.checksum) throw wrongChecksum(step, blob.digest);
  return { ...blob, etag, lastModified };
}

function progressOf(
  { url, checksum }: HttpStep,
  total: number | undefined,
  onTransfer: OnTransfer,
): (state: TransferState, size?: number) => void {
  const transfer = {
    kind: "transfer",
    direction: "pull",
    what: "file",
    repository: url,
    digest: checksum ?? "",
  } as const;
  return (state, size) => onTransfer({ ...transfer, total: size ?? total, state });
}

async function decoded(
  blob: { readonly digest: Digest; readonly size: number },
  { store, session, signal }: HttpFileOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const writer = store.blobs.writer(session());
  try {
    for await (const chunk of openLayerStream(store.blobs.read(blob.digest, blob.size), "gzip", { signal }))
      writer.write(chunk);
    return await writer.commitAsync({}, signal);
  } finally {
    writer.abort();
  }
}

function wrongChecksum({ url, checksum }: HttpStep, found: Digest): AppError {
  return new AppError(
    "FETCH_CHECKSUM",
    `${url} is not what was expected: its digest is ${found}, expected ${checksum}`,
    {
      hint: "Find out why the file changed; if it is meant to, correct --checksum.",
    },
  );
}

function fileOf({ name }: HttpStep, { digest, size, lastModified }: KnownFile): FileStep {
  const time = Date.parse(lastModified ?? "");
  const mtime = Number.isNaN(time) ? "0" : String(BigInt(time) * 1_000_000n);
  return { kind: "file", name, digest, size, mode: MODE, mtime };
}

function attempts<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  return retry(attempt, { policy: DEFAULT_RETRY, clock: systemClock }, signal);
}
