import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { fromWire, toWire, withDisk } from "./wire-error.ts";

test("of a full disk control learns where it is", () => {
  const full = new AppError("DISK_FULL", 'no space left in the store to write "/a"', { hint: "Free some." });
  expect(fromWire(toWire(withDisk(full, "/cache/store")))).toMatchObject({
    code: "DISK_FULL",
    message: 'no space left in the store to write "/a" (the store is /cache/store)',
    hint: "Free some.",
  });
  const other = new AppError("LAYER_INVALID", "other");
  expect(withDisk(other, "/cache/store")).toBe(other);
});
