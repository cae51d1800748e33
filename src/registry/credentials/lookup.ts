import { SingleFlight } from "../single-flight.ts";
import { credentialOf } from "./auth-file.ts";
import type { AuthFile } from "./auth-file.ts";
import { ANONYMOUS } from "./credential.ts";
import type { Credential } from "./credential.ts";
import { askHelper } from "./helper.ts";
import { matchKey, storeKey } from "./match.ts";
import { readSources } from "./sources.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The account for repositories, from the first source that knows one. Within a source `credHelpers` come
 * before `credsStore`, and that before `auths`. Sources are read once, helpers asked once per host.
 */
export class CredentialLookup {
  readonly #env: Environment;
  readonly #found = new Map<string, Credential>();
  readonly #flights = new SingleFlight<Credential>();
  #sources: readonly AuthFile[] | undefined;

  constructor(env: Environment) {
    this.#env = env;
  }

  /** `host` as the user names it (`docker.io`, `localhost:5000`), `path` without it. */
  async find(host: string, path: string, signal: AbortSignal): Promise<Credential> {
    this.#sources ??= readSources(this.#env);
    for (const source of this.#sources) {
      const credential = await this.#findIn(source, host.toLowerCase(), path, signal);
      if (credential !== undefined) return credential;
    }
    return ANONYMOUS;
  }

  async #findIn(source: AuthFile, host: string, path: string, signal: AbortSignal): Promise<Credential | undefined> {
    const helperKey = matchKey(source.credHelpers.keys(), host, path);
    const helper = helperKey === undefined ? undefined : source.credHelpers.get(helperKey);
    const asked = helper === undefined ? storeKey(host) : (helperKey ?? host);
    const program = helper ?? source.credsStore;
    if (program !== undefined && program !== "") {
      const credential = await this.#ask(program, asked, source.source, signal);
      if (credential.kind !== "anonymous") return credential;
    }
    const key = matchKey(source.auths.keys(), host, path);
    const entry = key === undefined ? undefined : source.auths.get(key);
    return key === undefined || entry === undefined ? undefined : credentialOf(entry, key, source.source);
  }

  async #ask(name: string, server: string, source: string, signal: AbortSignal): Promise<Credential> {
    const key = `${source}\n${name}\n${server}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    return this.#flights.run(key, signal, async (shared) => {
      const credential = await askHelper({ name, server, source, env: this.#env }, shared);
      this.#found.set(key, credential);
      return credential;
    });
  }
}
