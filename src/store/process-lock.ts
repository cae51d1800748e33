import { existsSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { sqliteFailure } from "./sqlite-error.ts";

/**
 * A lock that the kernel drops when its holder dies, by any death and seen from any pid namespace or
 * container that shares the disk. Node has no flock; SQLite takes POSIX record locks, so an empty
 * database with an open exclusive transaction is one (0.4 ms, nothing is written).
 */
export class ProcessLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Takes the lock named `path`, making the file; undefined where another one, or this process, holds it. */
  static take(path: string): ProcessLock | undefined {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // In memory: a journal file beside the lock would be one more thing to remove.
      database.exec("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN EXCLUSIVE");
    } catch (error) {
      database.close();
      const failure = sqliteFailure(error);
      if (failure === "busy") return undefined;
      if (failure !== "corrupt") throw error;
      // Nobody can hold a file with content: a power loss, or somebody's hand, put it there.
      rmSync(path, { force: true });
      return ProcessLock.take(path);
    }
    // Between opening and locking, whoever reaps may have taken and unlinked the file: ours is then no name.
    if (existsSync(path)) return new ProcessLock(database);
    database.close();
    return undefined;
  }

  /** The file stays; unlink it while the lock is held. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
