import type { Descriptor } from "../oci/descriptor.ts";
import { blobCall } from "./blob-call.ts";
import type { BlobDownload } from "./blob-download.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import type { HttpResponse } from "./http/transport.ts";
import type { Call, Session } from "./session.ts";
import { statusError } from "./status-error.ts";
import type { Subject } from "./subject.ts";
import type { Repository } from "./types.ts";

/** A transfer that got this far before it broke does not use up an attempt. */
const HEADWAY_BYTES = 1024 * 1024;

/** Carries `download` to its end and verifies it; goes on where a broken transfer stopped. */
export async function getBlobAt(
  session: Session,
  endpoint: Endpoint,
  repository: Repository,
  descriptor: Descriptor,
  download: BlobDownload,
  signal: AbortSignal,
): Promise<void> {
  const call = blobCall("GET", endpoint, repository, descriptor.digest, "pull");
  const { subject } = call;
  let rangesWork = true;
  await session.attempts(endpoint, "blob", signal, async (_previous, headway) => {
    const before = download.offset;
    if (before < descriptor.size || before === 0) {
      const from = rangesWork ? before : 0;
      const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
      const response = await session.send({ ...call, headers }, signal);
      const start = await startOf(response, from, descriptor.size, call);
      rangesWork = start !== undefined;
      if (start === undefined) throw badRange(subject);
      try {
        await download.take(response, start, subject);
      } finally {
        if (download.offset - before >= HEADWAY_BYTES) headway();
      }
    }
    download.verify(subject);
  });
}

/** Where in the blob the answer starts; undefined where it does not fit the range that was asked for. */
async function startOf(response: HttpResponse, from: number, size: number, call: Call): Promise<number | undefined> {
  if (response.status === 200) {
    const length = response.headers["content-length"];
    if (length !== undefined && Number(length) !== size) {
      await response.discard();
      throw wrongSize(length, size, call.subject);
    }
    return 0;
  }
  if (response.status === 206 && from > 0) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
    if (range !== null && Number(range[1]) === from && (range[3] === "*" || Number(range[3]) === size)) return from;
    await response.discard();
    return undefined;
  }
  if (response.status === 416 && from > 0) {
    await response.discard();
    return undefined;
  }
  throw await failure(response, call);
}

/** A signed URL that the registry redirected to expires; the registry then gives a new one. */
async function failure(response: HttpResponse, { endpoint, subject }: Call): Promise<RegistryError> {
  const error = await statusError(response, subject);
  const isElsewhere = response.url.origin !== new URL(endpoint.origin).origin;
  if (response.status !== 403 || !isElsewhere) return error;
  const { code, message, hint, status, diagnostics } = error;
  return new RegistryError(code, message, {
    hint,
    status,
    diagnostics,
    retryable: true,
    attemptLimit: 3,
  });
}

function wrongSize(found: string, size: number, subject: Subject): RegistryError {
  return new RegistryError(
    "REGISTRY_DIGEST_MISMATCH",
    `${subject.what} from ${subject.host} is not what was asked for: it has ${found} bytes, expected ${size}`,
    {
      hint: "The registry or something before it changes content: do not use it until that is explained.",
    },
  );
}

function badRange(subject: Subject): RegistryError {
  return new RegistryError(
    "REGISTRY_PROTOCOL",
    `${subject.host} cannot go on with ${subject.what} where it broke off`,
    {
      hint: "Try again; if it stays, look at the network between.",
      retryable: true,
    },
  );
}
