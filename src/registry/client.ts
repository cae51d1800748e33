import { Authorizer } from "./auth/authorizer.ts";
import type { Credential } from "./credentials/credential.ts";
import type { CredentialLookup } from "./credentials/lookup.ts";
import { Endpoints } from "./endpoints.ts";
import { isLoopback } from "./http/address.ts";
import { createTransport, DEFAULT_TIMEOUTS } from "./http/transport.ts";
import { isNamed } from "./mirrors.ts";
import { PullOrder } from "./pull-order.ts";
import { DEFAULT_RETRY, systemClock } from "./retry.ts";
import { Session } from "./session.ts";
import { SingleFlight } from "./single-flight.ts";
import type { PushOutcome, RegistryClient, RegistryClientOptions } from "./types.ts";
import { Warnings } from "./warnings.ts";

const DEFAULT_CONCURRENCY = 4;

/** A client for any number of registries. It opens, reads and looks up nothing before it is used. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const clock = options.clock ?? systemClock;
  const plainHttp = options.plainHttp ?? [];
  const warnings = new Warnings(options.onWarning ?? ((): void => undefined));
  const transport = createTransport(options, { ...DEFAULT_TIMEOUTS, ...options.timeouts });
  const authorizer = new Authorizer({
    transport,
    now: () => clock.now(),
    isPlainHttpAllowed: (address) => isLoopback(new URL(`http://${address}`).hostname) || isNamed(address, plainHttp),
    findCredential: lazyCredentials(options.env),
  });
  const session = new Session({
    transport,
    authorizer,
    warnings,
    clock,
    policy: { ...DEFAULT_RETRY, ...options.retry },
  });
  const endpoints = new Endpoints({
    plainHttp,
    clock,
    mirrors: options.mirrors ?? new Map(),
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
  });
  const order = new PullOrder((domain) => endpoints.forPull(domain), clock, warnings);
  return {
    ...pulls(session, order),
    ...pushes(session, endpoints),
    close: () => transport.close(),
  };
}

function pulls(session: Session, order: PullOrder): Pick<RegistryClient, "resolve" | "getManifest" | "getBlob"> {
  return {
    async resolve(reference, signal) {
      const { resolveAt } = await import("./manifests-pull.ts");
      return order.first(reference, (endpoint) => resolveAt(session, endpoint, reference, signal));
    },
    async getManifest(reference, signal) {
      const { getManifestAt } = await import("./manifests-pull.ts");
      return order.first(reference, (endpoint) => getManifestAt(session, endpoint, reference, signal));
    },
    async getBlob(repository, descriptor, sink, signal, onProgress) {
      const { BlobDownload } = await import("./blob-download.ts");
      const { getBlobAt } = await import("./blobs-pull.ts");
      const download = new BlobDownload(descriptor, sink, onProgress);
      await order.first(
        repository,
        (endpoint) => getBlobAt(session, endpoint, repository, descriptor, download, signal),
        () => download.canGoOn,
      );
    },
  };
}

function pushes(
  session: Session,
  endpoints: Endpoints,
): Omit<RegistryClient, "resolve" | "getManifest" | "getBlob" | "close"> {
  const uploads = new SingleFlight<PushOutcome>();
  return {
    async checkPush(repository, signal) {
      const { checkPushAt } = await import("./push-check.ts");
      return checkPushAt(session, endpoints.upstream(repository.domain), repository, signal);
    },
    async hasManifest(reference, signal) {
      const { hasManifestAt } = await import("./manifests-push.ts");
      return hasManifestAt(session, endpoints.upstream(reference.domain), reference, signal);
    },
    async pushBlob(repository, source, { mountFrom = [] }, signal, onProgress) {
      const { pushBlobAt } = await import("./blobs-push.ts");
      const endpoint = endpoints.upstream(repository.domain);
      const key = `${endpoint.name}/${repository.path}@${source.digest}`;
      return uploads.run(key, signal, (shared) =>
        pushBlobAt(session, { endpoint, repository, source, mountFrom, onProgress }, shared),
      );
    },
    async pushManifest(repository, bytes, mediaType, { tag }, signal) {
      const { pushManifestAt } = await import("./manifests-push.ts");
      const endpoint = endpoints.upstream(repository.domain);
      return pushManifestAt(session, endpoint, repository, bytes, mediaType, tag, signal);
    },
  };
}

/** Most requests to a loopback registry need no account: the code that finds one is loaded when one is asked for. */
function lazyCredentials(
  env: RegistryClientOptions["env"],
): (host: string, path: string, signal: AbortSignal) => Promise<Credential> {
  let lookup: Promise<CredentialLookup> | undefined;
  return async (host, path, signal) => {
    lookup ??= import("./credentials/lookup.ts").then(({ CredentialLookup }) => new CredentialLookup(env));
    return (await lookup).find(host, path, signal);
  };
}
