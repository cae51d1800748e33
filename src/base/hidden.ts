/** A value that no log, JSON or dump of what holds it shows: a password. */
export class Hidden<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toJSON(): string {
    return "[hidden]";
  }
}
