import { readFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";

/**
 * What a runtime complained of in its log; undefined where it did not. crun and runc write lines of JSON
 * with `level` and `msg`; warnings are of no interest to a RUN.
 */
export function complaintIn(log: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const complaints = text.split("\n").flatMap((line) => {
    const { level, msg } = parseLine(line);
    return level === "error" || level === "fatal" ? [msg ?? line] : [];
  });
  return complaints.length === 0 ? undefined : complaints.join("; ");
}

function parseLine(line: string): { readonly level?: string; readonly msg?: string } {
  try {
    return line === "" ? {} : (JSON.parse(line) as { readonly level?: string; readonly msg?: string });
  } catch {
    return { level: "error", msg: line }; // Not JSON: whatever it says is a complaint.
  }
}
