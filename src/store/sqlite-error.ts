/** What kind of failure SQLite reports, as far as it is told apart; undefined where `error` is none of SQLite's. */
export type SqliteFailure = "busy" | "corrupt" | "other";

/** By the primary result codes of sqlite.org/rescode.html. */
export function sqliteFailure(error: unknown): SqliteFailure | undefined {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return undefined;
  switch (error.errcode & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return "busy";
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return "corrupt";
    default:
      return "other";
  }
}
