import type { Records } from "../store/records.ts";
import type { KeyField } from "./keys.ts";

/** What the last build saw at one place of a Dockerfile: kept so that a miss can be explained. */
export interface Slot {
  readonly fields: readonly KeyField[];
  /** Of a COPY from the context: path to digest of each file, where there are not too many. */
  readonly files?: Readonly<Record<string, string>> | undefined;
}

/** Above this many files a COPY's listing is not kept and a miss names no files. */
export const MAX_LISTED_FILES = 20_000;
const MAX_NAMED = 4;

/**
 * Says in a few words why a step that was built here before has to run again, by comparing what its
 * key is made of with the last time: `content changed: main.go (content), go.sum (added)`. `lack` says what
 * its result lacks where nothing changed.
 */
export function explainMiss(before: Slot | undefined, now: Slot, lack: string): string {
  if (before === undefined) return "not built here before";
  const old = new Map(before.fields.map(([name, value]) => [name, JSON.stringify(value)]));
  const changed = now.fields.filter(([name, value]) => old.get(name) !== JSON.stringify(value)).map(([name]) => name);
  if (changed.length === 0) return lack;
  const own = changed.filter((name) => name !== "parent");
  if (own.length === 0) return "a step before it changed";
  return own.map((name) => describeChange(name, before, now)).join(", ");
}

function describeChange(name: string, before: Slot, now: Slot): string {
  if (name === "content") return describeContent(before, now);
  return name === "environment" ? describeEnvironment(before, now) : `${name} changed`;
}

/** Names the variables; their values are nobody's business. */
function describeEnvironment(before: Slot, now: Slot): string {
  const [old, current] = [variablesOf(before), variablesOf(now)];
  const names = [...new Set([...current.keys(), ...old.keys()])].filter((name) => old.get(name) !== current.get(name));
  return names.length === 0 ? "environment changed" : `environment changed: ${listSome(names)}`;
}

function variablesOf({ fields }: Slot): ReadonlyMap<string, string> {
  const value = fields.find(([name]) => name === "environment")?.[1] ?? [];
  return new Map([value].flat().map((variable) => [variable.split("=", 1)[0] ?? "", variable]));
}

function describeContent(before: Slot, now: Slot): string {
  if (before.files === undefined || now.files === undefined) return "content changed";
  const named: string[] = [];
  for (const [path, digest] of Object.entries(now.files)) {
    const old = before.files[path];
    if (old === undefined) named.push(`${path} (added)`);
    else if (old !== digest) named.push(`${path} (content)`);
  }
  for (const path of Object.keys(before.files)) if (now.files[path] === undefined) named.push(`${path} (removed)`);
  if (named.length === 0) return "content changed";
  return `content changed: ${listSome(named)}`;
}

function listSome(names: readonly string[]): string {
  const rest = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** Reads and writes the slots of one Dockerfile. */
export class SlotBook {
  readonly #records: Records;
  readonly #scope: string;

  /** `scope` tells builds of one store apart: the context and Dockerfile they were made from. */
  constructor(records: Records, scope: string) {
    this.#records = records;
    this.#scope = scope;
  }

  /** Answers why `now` missed and remembers it for the next time. */
  miss(place: string, now: Slot, lack: string): string {
    const table = this.#records.table<Slot>("slots");
    const name = `${this.#scope}|${place}`;
    const reason = explainMiss(table.get(name), now, lack);
    table.put(name, now);
    return reason;
  }
}
