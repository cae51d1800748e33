import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { AppError, messageOf } from "../base/errors.ts";
import { storeError } from "./errors.ts";
import type { OnNote } from "./notes.ts";
import { ProcessLock } from "./process-lock.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** Raised with every change of the tables below; an older manyarch then refuses the database. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS records (
  name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, checksum INTEGER NOT NULL,
  generation INTEGER NOT NULL, used_at INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
  digest TEXT NOT NULL, checksum INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (device, inode)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};`;

export interface RecordsOptions {
  readonly path: string;
  /** Directory that a damaged file is moved to. */
  readonly quarantine: string;
  readonly onNote: OnNote;
  /** Milliseconds that a write waits for another process's transaction. Default 10 000. */
  readonly busyTimeout?: number | undefined;
}

export type Row = Record<string, SQLOutputValue>;

interface Connection {
  readonly database: DatabaseSync;
  readonly inode: number;
  readonly statements: Map<string, StatementSync>;
}

/**
 * The SQLite file under {@link Records}. A file that SQLite finds corrupt is moved to the quarantine
 * and replaced by an empty one; a write that fails (disk full, read-only, busy for too long) is left
 * out, and a file that cannot be opened is replaced by memory. All are reported, none fails the caller.
 */
export class RecordsDatabase {
  readonly #options: RecordsOptions;
  #connection: Connection;
  #generation: number | undefined;
  #depth = 0;
  #unwritableTold = false;

  constructor(options: RecordsOptions) {
    this.#options = options;
    try {
      this.#connection = connect(options);
    } catch (error) {
      if (isCorrupt(error)) this.#setAside(statSync(options.path, { throwIfNoEntry: false })?.ino, error);
      this.#connection = this.#connectAnew();
    }
  }

  row(sql: string, values: readonly SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values), undefined);
  }

  rows(sql: string, values: readonly SQLInputValue[]): readonly Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values), []);
  }

  /** `values` is called inside the guard, as it may write by itself (see {@link generation}). */
  change(sql: string, values: () => readonly SQLInputValue[]): void {
    this.#guard(() => {
      this.#prepare(sql).run(...values());
    }, undefined);
  }

  /** A prepared statement for hot loops; not guarded, so run it in {@link transaction} or handle its errors. */
  prepare(sql: string): StatementSync {
    return this.#prepare(sql);
  }

  /** The number of this run among those that wrote, counted at the first use. */
  generation(): number {
    if (this.#generation === undefined) {
      const row = this.#prepare(
        "INSERT INTO counters VALUES ('generation', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
      ).get();
      this.#generation = Number(row?.["value"] ?? 1);
    }
    return this.#generation;
  }

  transaction<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    const begun = this.#guard(() => (this.#connection.database.exec("BEGIN IMMEDIATE"), true), false);
    this.#depth++;
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.#end(begun, "ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
    this.#end(begun, "COMMIT");
    return result;
  }

  close(): void {
    if (this.#connection.database.isOpen) this.#connection.database.close();
  }

  #end(begun: boolean, word: "COMMIT" | "ROLLBACK"): void {
    const { database } = this.#connection;
    // A failed write may have rolled the transaction back already (SQLITE_FULL, SQLITE_IOERR).
    if (!begun || !database.isTransaction) return;
    this.#guard(() => database.exec(word), undefined);
    if (database.isOpen && database.isTransaction) this.#guard(() => database.exec("ROLLBACK"), undefined);
  }

  #prepare(sql: string): StatementSync {
    const { database, statements } = this.#connection;
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(body: () => T, otherwise: T): T {
    try {
      return body();
    } catch (error) {
      if (isCorrupt(error)) this.#replace(error);
      else if (sqliteFailure(error) !== undefined) this.#tellUnwritable(error);
      else throw error;
      return otherwise;
    }
  }

  #replace(cause: unknown): void {
    const { database, inode } = this.#connection;
    if (database.isOpen) database.close();
    this.#setAside(inode, cause);
    this.#connection = this.#connectAnew();
    this.#generation = undefined;
  }

  /** Where no file will do, what this run remembers is at least known to itself. */
  #connectAnew(): Connection {
    try {
      return connect(this.#options);
    } catch (error) {
      if (sqliteFailure(error) === undefined) throw storeError(error, this.#options.path);
      this.#tellUnwritable(error);
      return connect({ ...this.#options, path: ":memory:" });
    }
  }

  /** `inode` is of the file that was found corrupt: another process may have replaced it since. */
  #setAside(inode: number | undefined, cause: unknown): void {
    const { path, quarantine, onNote } = this.#options;
    const aside = `${quarantine}/${basename(path)}`;
    try {
      mkdirSync(quarantine, { recursive: true, mode: 0o700 });
      const lock = ProcessLock.take(`${aside}.lock`);
      if (lock === undefined) return;
      try {
        if (inode === undefined || statSync(path, { throwIfNoEntry: false })?.ino !== inode) return;
        moveDatabase(path, aside);
      } finally {
        lock.release();
      }
    } catch (error) {
      throw storeError(error, path);
    }
    onNote("RECORDS_CORRUPT", `the store's records were damaged (${messageOf(cause)}); moved to ${aside}, begun anew`);
  }

  #tellUnwritable(error: unknown): void {
    if (this.#unwritableTold) return;
    this.#unwritableTold = true;
    this.#options.onNote(
      "RECORDS_UNWRITABLE",
      `the store's records cannot be written (${messageOf(error)}): the next build may repeat steps`,
    );
  }
}

function connect({ path, busyTimeout = 10_000 }: RecordsOptions): Connection {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  try {
    // NORMAL: after a power loss the last rows may be missing, never wrong, and no commit waits for the disk.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > SCHEMA_VERSION) throw newerRecords(path, version);
    if (version < SCHEMA_VERSION) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    return { database, inode: statSync(path, { throwIfNoEntry: false })?.ino ?? 0, statements: new Map() };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The log goes first: a new database must not meet the old one's. */
function moveDatabase(from: string, to: string): void {
  for (const suffix of ["-wal", "-shm", ""]) {
    if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
  }
}

function newerRecords(path: string, version: number): AppError {
  return new AppError(
    "STORE_VERSION",
    `${path} was made by a newer manyarch: expected schema ${SCHEMA_VERSION}, found ${version}`,
    {
      hint: "Use that manyarch, or give this one a store of its own with --root.",
    },
  );
}

/** Also where the file is a database but not ours. */
function isCorrupt(error: unknown): boolean {
  const failure = sqliteFailure(error);
  return (
    failure === "corrupt" || (failure === "other" && /no such (?:table|column)|has no column/.test(messageOf(error)))
  );
}
