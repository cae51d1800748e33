import type * as http from "node:http";
import type { Socket } from "node:net";
import { RegistryError } from "../errors.ts";
import { placeOf } from "./connection-error.ts";
import type { Timeouts } from "./transport.ts";

/** Fewer bytes than this in one idle period count as a stalled transfer. */
const TRICKLE_BYTES = 1024;

/** Ends an exchange that does not connect, does not move or is aborted. One timer, checked once a period. */
export class ProgressWatch {
  /** Why the exchange was ended from our side; it comes before whatever the socket then reports. */
  failure: unknown;
  readonly #outgoing: http.ClientRequest;
  readonly #place: string;
  readonly #timeouts: Timeouts;
  readonly #signal: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  readonly #onAbort = (): void => this.fail(this.#signal.reason);
  #timer: NodeJS.Timeout | undefined;
  #moved = 0;

  /** `onFailure` is told at once: a request without a socket yet is silent about being destroyed. */
  constructor(
    outgoing: http.ClientRequest,
    url: URL,
    timeouts: Timeouts,
    signal: AbortSignal,
    onFailure: (error: unknown) => void,
  ) {
    this.#outgoing = outgoing;
    this.#onFailure = onFailure;
    this.#place = placeOf(url);
    this.#timeouts = timeouts;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#arm(timeouts.connectMs, () => this.fail(noConnection(this.#place, timeouts.connectMs)));
    outgoing.once("socket", (socket) => this.#awaitConnection(socket, url.protocol === "https:"));
  }

  /** `bytes` have passed in either direction. */
  progress(bytes: number): void {
    this.#moved += bytes;
  }

  /** The last byte was handed to the system; what follows is the server's own work. */
  uploaded(): void {
    this.#arm(this.#timeouts.commitMs, () => this.fail(stalled(this.#place, this.#timeouts.commitMs)));
  }

  /** The head of the answer is here; its body counts from now. */
  answered(): void {
    this.#watchIdle();
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.stop();
    this.#outgoing.destroy();
    this.#onFailure(this.failure);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #awaitConnection(socket: Socket, isSecure: boolean): void {
    if (isConnected(socket, isSecure) || this.#outgoing.reusedSocket) this.#watchIdle();
    else socket.once(isSecure ? "secureConnect" : "connect", () => this.#watchIdle());
  }

  #watchIdle(): void {
    if (this.failure !== undefined) return;
    this.#moved = 0;
    this.#arm(this.#timeouts.idleMs, () => {
      if (this.#moved < TRICKLE_BYTES) this.fail(stalled(this.#place, this.#timeouts.idleMs));
      else this.#watchIdle();
    });
  }

  #arm(ms: number, expire: () => void): void {
    clearTimeout(this.#timer);
    // The socket keeps the process alive; the watch must not.
    this.#timer = setTimeout(expire, ms).unref();
  }
}

/** Through a proxy the socket is first seen when its handshake is over. */
function isConnected(socket: Socket, isSecure: boolean): boolean {
  if (isSecure) return "authorized" in socket && socket.authorized === true;
  return !socket.connecting;
}

function noConnection(place: string, ms: number): RegistryError {
  return new RegistryError("REGISTRY_UNREACHABLE", `cannot reach ${place}: no connection within ${ms / 1000} s`, {
    hint: "Check the host, the port and the firewall; behind a proxy set HTTPS_PROXY.",
    retryable: true,
    attemptLimit: 3,
  });
}

function stalled(place: string, ms: number): RegistryError {
  return new RegistryError("REGISTRY_UNREACHABLE", `${place} stopped answering: no progress for ${ms / 1000} s`, {
    hint: "Try again; if it stays, look at the registry's log and the network between.",
    retryable: true,
  });
}
