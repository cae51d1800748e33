/**
 * Takes what the store found and mended by itself: a corrupt blob set aside, a record database made
 * anew. The build goes on; whoever reads it should know. `code` is stable, as an AppError's.
 */
export type OnNote = (code: StoreNote, message: string) => void;

export type StoreNote =
  | "BLOB_CORRUPT"
  | "RECORD_CORRUPT"
  | "RECORDS_CORRUPT"
  | "RECORDS_UNWRITABLE"
  | "SESSION_ORPHANED"
  | "SESSION_UNGUARDED";
