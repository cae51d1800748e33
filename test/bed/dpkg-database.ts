import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CONTROL_FILES = [
  "conffiles",
  "md5sums",
  "shlibs",
  "symbols",
  "triggers",
  "preinst",
  "postinst",
  "prerm",
  "postrm",
] as const;

/**
 * Enters a package into the dpkg database of `root` as installed, so that apt and dpkg work in the image.
 * `unpacked` has its control files, and `files`: what tar listed when it was unpacked.
 */
export function registerPackage(root: string, packageName: string, unpacked: string): void {
  const database = join(root, "var/lib/dpkg");
  const info = join(database, "info");
  mkdirSync(info, { recursive: true });
  writeFileSync(join(info, "format"), "1\n");
  const fields = readFileSync(join(unpacked, "control"), "utf8").trimEnd();
  const architecture = /^Architecture: (.+)$/m.exec(fields)?.[1];
  const name = /^Multi-Arch: same$/m.test(fields) ? `${packageName}:${architecture}` : packageName;
  const installed = fields.replace("\n", "\nStatus: install ok installed\n");
  writeFileSync(join(database, "status"), `${installed}\n${conffiles(root, unpacked)}\n`, { flag: "a" });
  writeFileSync(join(info, `${name}.list`), fileList(readFileSync(join(unpacked, "files"), "utf8")));
  for (const part of CONTROL_FILES) {
    if (existsSync(join(unpacked, part))) copyFileSync(join(unpacked, part), join(info, `${name}.${part}`));
  }
}

function fileList(listed: string): string {
  const paths = listed.trimEnd().split("\n");
  return paths.map((path) => `${path.slice(1).replace(/\/$/, "") || "/."}\n`).join("");
}

function conffiles(root: string, unpacked: string): string {
  if (!existsSync(join(unpacked, "conffiles"))) return "";
  const lines = readFileSync(join(unpacked, "conffiles"), "utf8").trim().split("\n");
  const paths = lines.filter((path) => path.startsWith("/") && existsSync(join(root, path)));
  if (paths.length === 0) return "";
  const sum = (path: string): string =>
    createHash("md5")
      .update(readFileSync(join(root, path)))
      .digest("hex");
  return `Conffiles:\n${paths.map((path) => ` ${path} ${sum(path)}\n`).join("")}`;
}
