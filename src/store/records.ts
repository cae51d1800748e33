import { crc32 } from "node:zlib";
import { messageOf } from "../base/errors.ts";
import { FileDigests } from "./file-digests.ts";
import type { OnNote } from "./notes.ts";
import { RecordsDatabase } from "./records-database.ts";
import type { RecordsOptions } from "./records-database.ts";

/** What is remembered, by table. A table of another name is made by its first `put`. */
export type TableName =
  | "steps"
  | "layers"
  | "snapshots"
  | "slots"
  | "selections"
  | "images"
  | "indexes"
  | "mounts"
  | "sources"
  | "forms";

export interface Table<T> {
  /** The value last put, or undefined where there is none or its row is damaged (which is then deleted). */
  get(key: string): T | undefined;
  /** Remembers `value`, which must survive JSON. */
  put(key: string, value: T): void;
  delete(key: string): void;
  /** All good rows, the longest unused first. */
  entries(): readonly TableEntry<T>[];
}

export interface TableEntry<T> {
  readonly key: string;
  readonly value: T;
  /** Counts runs that wrote to the store, and so orders by use whatever the clock did. */
  readonly generation: number;
  /** Milliseconds since the epoch, by the clock of the run that used it last. */
  readonly usedAt: number;
}

/**
 * What builds remember, in `records.db`. All of it can be had again by building: a damaged row or
 * database, or a disk that takes no more rows, costs time, is reported as a note and fails nothing.
 * Several processes may use it at once; a writer waits for another up to ten seconds.
 */
export class Records {
  readonly #database: RecordsDatabase;
  readonly #onNote: OnNote;
  #files: FileDigests | undefined;

  /** Throws `STORE_VERSION` where a newer manyarch made the database. */
  constructor(options: RecordsOptions) {
    this.#database = new RecordsDatabase(options);
    this.#onNote = options.onNote;
  }

  table<T>(name: TableName): Table<T> {
    return new RecordTable<T>(this.#database, name, this.#onNote);
  }

  /** The digests of files of the machine that were hashed before. */
  get files(): FileDigests {
    return (this.#files ??= new FileDigests(this.#database));
  }

  /**
   * Runs `body` so that either all or none of its puts and deletes are there afterwards, and no other
   * process writes in between. Synchronous; an error of `body` undoes them and is thrown. May be nested.
   */
  transaction<T>(body: () => T): T {
    return this.#database.transaction(body);
  }

  close(): void {
    this.#files?.flush();
    this.#database.close();
  }
}

class RecordTable<T> implements Table<T> {
  readonly #database: RecordsDatabase;
  readonly #name: TableName;
  readonly #onNote: OnNote;

  constructor(database: RecordsDatabase, name: TableName, onNote: OnNote) {
    this.#database = database;
    this.#name = name;
    this.#onNote = onNote;
  }

  get(key: string): T | undefined {
    const row = this.#database.row("SELECT value, checksum FROM records WHERE name = ? AND key = ?", [this.#name, key]);
    if (row === undefined) return undefined;
    return this.#parse(key, row["value"], row["checksum"]);
  }

  put(key: string, value: T): void {
    const text = JSON.stringify(value);
    this.#database.change(
      `INSERT INTO records (name, key, value, checksum, generation, used_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum,
         generation = excluded.generation, used_at = excluded.used_at`,
      () => [this.#name, key, text, checksum(key, text), this.#database.generation(), Date.now()],
    );
  }

  delete(key: string): void {
    this.#database.change("DELETE FROM records WHERE name = ? AND key = ?", () => [this.#name, key]);
  }

  entries(): readonly TableEntry<T>[] {
    const rows = this.#database.rows(
      "SELECT key, value, checksum, generation, used_at FROM records WHERE name = ? ORDER BY generation, used_at, key",
      [this.#name],
    );
    return rows.flatMap((row): TableEntry<T>[] => {
      const key = String(row["key"]);
      const value = this.#parse(key, row["value"], row["checksum"]);
      if (value === undefined) return [];
      return [{ key, value, generation: Number(row["generation"]), usedAt: Number(row["used_at"]) }];
    });
  }

  #parse(key: string, text: unknown, sum: unknown): T | undefined {
    if (typeof text === "string" && checksum(key, text) === sum) {
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        this.#drop(key, messageOf(error));
        return undefined;
      }
    }
    this.#drop(key, "its checksum is wrong");
    return undefined;
  }

  #drop(key: string, reason: string): void {
    this.delete(key);
    this.#onNote("RECORD_CORRUPT", `record ${this.#name}/${key} was damaged and is forgotten: ${reason}`);
  }
}

/** Over key and value, so that a value found under another key is damage too. */
function checksum(key: string, text: string): number {
  return crc32(text, crc32(key));
}
