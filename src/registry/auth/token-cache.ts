import type { Token } from "./token.ts";

interface Entry {
  readonly token: string;
  readonly permissions: ReadonlySet<string>;
  readonly validUntil: number;
}

/** A token is not used in the last tenth of its life, at most 10 s of it: the request takes time too. */
const MAX_MARGIN_MS = 10_000;

/** Tokens by host, each with the permissions that it was asked for. Times are of the monotonic clock. */
export class TokenCache {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A token that was given for at least `permissions`. */
  find(host: string, permissions: readonly string[]): string | undefined {
    const now = this.#now();
    const valid = (this.#entries.get(host) ?? []).filter(({ validUntil }) => validUntil > now);
    this.#entries.set(host, valid);
    return valid.find((entry) => permissions.every((permission) => entry.permissions.has(permission)))?.token;
  }

  add(host: string, permissions: readonly string[], token: Token): void {
    const margin = Math.min(MAX_MARGIN_MS, token.lifetimeMs / 10);
    const entry: Entry = {
      token: token.token,
      permissions: new Set(permissions),
      validUntil: this.#now() + token.lifetimeMs - margin,
    };
    this.#entries.set(host, [...(this.#entries.get(host) ?? []), entry]);
  }

  /** Forgets a token that the registry refused. */
  remove(host: string, token: string): void {
    const kept = (this.#entries.get(host) ?? []).filter((entry) => entry.token !== token);
    this.#entries.set(host, kept);
  }
}
