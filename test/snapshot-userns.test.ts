import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  CHECKOUT,
  asUser,
  isCheckoutReadable,
  missingForNamespaces,
  removeTree,
  unprivilegedUser,
} from "./bed/user.ts";

const user = unprivilegedUser();
const missing =
  missingForNamespaces(user) ?? (isCheckoutReadable(user) ? undefined : "the checkout is closed to others");

test.skipIf(missing !== undefined)("layers extract, mount and diff as root of a user namespace", () => {
  const directory = mkdtempSync(join(tmpdir(), "userns-"));
  try {
    chownSync(directory, user.uid, user.gid);
    const script = join(CHECKOUT, "test/snapshot/in-namespace.ts");
    const [command = "", ...args] = asUser(user, [
      "unshare",
      "-Urm",
      "--map-auto",
      process.execPath,
      script,
      directory,
    ]);
    const found = JSON.parse(execFileSync(command, args, { cwd: "/", encoding: "utf8" }));
    expect(found.extracted.slice(1)).toEqual([
      "/a directory 755 0:0 @0 ",
      "/a/b directory 755 0:0 @0 ",
      '/a/su file 4755 5:5 @5 security.capability=0100000200040000000000000000000000000000 "x"',
      "/gone directory 755 0:0 @0 ",
      "/p fifo 755 0:0 @5 ",
    ]);
    expect(found.mounted).toEqual(found.extracted);
    expect(found.changes).toEqual([
      "a directory 755 0:0",
      "a/b whiteout",
      "a/su whiteout",
      'a/new file 644 0:0 "n"',
      "l hardlink 644 0:0 -> a/new",
    ]);
    expect(found.notices).toEqual(['"/null": char device 1:3 is left out: making devices is not permitted here']);
    expect(found.unmapped).toContain("70000:70000");
  } finally {
    removeTree(directory);
  }
});
