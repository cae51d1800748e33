import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT, asUser, isCheckoutReadable, removeTree, unprivilegedUser } from "./bed/user.ts";

const user = unprivilegedUser();

test.skipIf(!isCheckoutReadable(user))(
  "owners, devices and capabilities go through the copies of a user who may set none",
  () => {
    const directory = mkdtempSync(join(tmpdir(), "kept-"));
    try {
      chownSync(directory, user.uid, user.gid);
      const script = join(CHECKOUT, "test/snapshot/kept-copy.ts");
      const [command = "", ...args] = asUser(user, [process.execPath, script, directory]);
      const { found, shown } = JSON.parse(execFileSync(command, args, { cwd: "/", encoding: "utf8" }));
      expect(found).toEqual([
        { same: true, entries: [] },
        {
          same: true,
          entries: [
            "closed directory 500 7:0",
            'closed/new file 644 0:0 ""',
            "dev directory 755 0:0",
            "dev/p whiteout",
            'etc/shadow file 0 0:42 "xy"',
            'srv/data file 640 50:51 "x"',
            "zero block 600 0:6",
          ],
        },
        {
          same: true,
          entries: ["bin directory 755 0:0", 'bin/su file 4755 0:0 "x"', "bin/sudo hardlink 4755 0:0 -> bin/su"],
        },
      ]);
      expect(shown.slice(1)).toEqual([
        "/bin directory 755 0:0 ",
        '/bin/su file 4755 0:0 security.capability=0100000200040000000000000000000000000000 "x"',
        '/bin/sudo file 4755 0:0 security.capability=0100000200040000000000000000000000000000 "x"',
        "/closed directory 500 7:0 ",
        '/closed/in file 755 8:0 "x"',
        '/closed/new file 644 0:0 ""',
        "/dev directory 755 0:0 ",
        "/dev/null char 666 0:0 1:3",
        "/etc directory 755 0:0 ",
        '/etc/shadow file 0 0:42 "xy"',
        '/plain file 755 0:0 "x"',
        "/srv directory 755 0:0 ",
        '/srv/data file 640 50:51 "x"',
        "/srv/link symlink 777 33:0 -> data",
        "/zero block 600 0:6 8:1",
      ]);
    } finally {
      removeTree(directory);
    }
  },
);
