/** One request that a registry answered. */
export interface Access {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the answer's body. */
  readonly bytes: number;
}

// Apache's combined format, as distribution writes it: ... "GET /v2/ HTTP/1.1" 200 2 "" "agent"
const LINE = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) (\d+)/;

export function parseAccessLine(line: string): Access | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, method = "", path = "", status, bytes] = match;
  return { method, path, status: Number(status), bytes: Number(bytes) };
}

/** What tests count: what was read, what was asked for, and what was written. */
export interface AccessCounts {
  readonly blobGets: number;
  readonly blobHeads: number;
  /** Uploads that ended with a new blob; a mount counts apart. */
  readonly blobPuts: number;
  readonly mounts: number;
  readonly manifestGets: number;
  readonly manifestPuts: number;
  readonly tagPuts: number;
}

export function countAccesses(accesses: readonly Access[]): AccessCounts {
  const count = (method: string, path: RegExp, status: number): number =>
    accesses.filter((one) => one.method === method && path.test(one.path) && one.status === status).length;
  return {
    blobGets: count("GET", /\/blobs\/sha256:/, 200) + count("GET", /\/blobs\/sha256:/, 206),
    blobHeads: count("HEAD", /\/blobs\/sha256:/, 200) + count("HEAD", /\/blobs\/sha256:/, 404),
    blobPuts: count("PUT", /\/blobs\/uploads\//, 201) + count("POST", /\/blobs\/uploads\/\?digest=/, 201),
    mounts: count("POST", /\/blobs\/uploads\/\?.*mount=/, 201),
    manifestGets: count("GET", /\/manifests\//, 200),
    manifestPuts: count("PUT", /\/manifests\//, 201),
    tagPuts: count("PUT", /\/manifests\/(?!sha256:)/, 201),
  };
}
