import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "../bed/process.ts";

/** Of Debian's busybox-static: one binary without libraries. */
const BUSYBOX = "/bin/busybox";

/** Why a root file system cannot be made, or undefined. */
export function missingBusybox(): string | undefined {
  if (!existsSync(BUSYBOX)) return "busybox is not installed (Debian package busybox-static)";
  const interpreter = /\/lib\S*\/ld-(?:linux|musl)/;
  return interpreter.test(readFileSync(BUSYBOX, "latin1")) ? `${BUSYBOX} is not static` : undefined;
}

/** A small root file system: a shell, a few users, nothing to mount over. */
export function makeBusyboxRoot(directory: string): void {
  for (const name of ["bin", "etc", "root", "tmp", "home"]) mkdirSync(join(directory, name), { recursive: true });
  chmodSync(join(directory, "tmp"), 0o1777);
  copyFileSync(BUSYBOX, join(directory, "bin/busybox"));
  chmodSync(join(directory, "bin/busybox"), 0o755);
  for (const applet of runTool(BUSYBOX, ["--list"]).split("\n")) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(directory, "bin", applet));
  }
  writeFileSync(join(directory, "etc/passwd"), "root::0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n");
  writeFileSync(join(directory, "etc/group"), "root:x:0:\napp:x:1001:\naudio:x:29:app\nvideo:x:44:app\n");
}
