import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/**
 * A lock that the kernel drops when its holder dies, by any death and seen from any pid namespace or
 * container that shares the disk. Node has no flock; SQLite takes POSIX record locks, so an empty
 * database with an open exclusive transaction is one (0.4 ms, nothing is written).
 */
export class SessionLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Takes the lock named `path`, making the file; undefined where another one, or this process, holds it. */
  static take(path: string): SessionLock | undefined {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // In memory: a journal file beside the lock would be one more thing to remove.
      database.exec("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN EXCLUSIVE");
    } catch (error) {
      database.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
    // Between opening and locking, whoever reaps may have taken and unlinked the file: ours is then no name.
    if (existsSync(path)) return new SessionLock(database);
    database.close();
    return undefined;
  }

  /** The file stays; unlink it while the lock is held. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED, with their extended codes. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  const primary = error.errcode & 0xff;
  return primary === 5 || primary === 6;
}
