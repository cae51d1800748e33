import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { DebianArch, Package } from "./apt.ts";
import { registerPackage } from "./dpkg-database.ts";
import { runTool } from "./process.ts";

/** The links of a merged /usr. Debian's packages still name the old paths, so these exist before the first is unpacked. */
export function mergedUsrLinks(arch: DebianArch): readonly string[] {
  const lib64 = arch === "amd64" || arch === "ppc64el" ? ["lib64"] : [];
  return ["bin", "lib", "sbin", ...lib64];
}

/** What Debian's own slim images leave out; the licences stay. */
const SLIM_EXCLUDES = [
  "./usr/share/doc/*/*.gz",
  "./usr/share/doc/*/changelog*",
  "./usr/share/doc/*/NEWS*",
  "./usr/share/doc/*/README*",
  "./usr/share/man/*",
  "./usr/share/info/*",
  "./usr/share/locale/*",
  "./usr/share/lintian/*",
];

/**
 * Unpacks packages the way dpkg would leave them, without running any of their scripts: files, and a
 * dpkg database that says they are installed. What the scripts of essential packages would have made is
 * in {@link configureDebian}.
 */
export function unpackPackages(root: string, arch: DebianArch, packages: readonly Package[]): void {
  for (const link of mergedUsrLinks(arch)) {
    mkdirSync(join(root, "usr", link), { recursive: true });
    if (!existsSync(join(root, link))) symlinkSync(`usr/${link}`, join(root, link));
  }
  const unpacked = `${root}.unpacked`;
  mkdirSync(unpacked);
  const exclude = SLIM_EXCLUDES.map((path) => `--exclude='${path}'`).join(" ");
  runTool("sh", ["-ec", unpackAll(exclude), "sh", root, unpacked, ...packages.map((one) => one.file)]);
  for (const one of packages) registerPackage(root, one.name, join(unpacked, basename(one.file)));
  rmSync(unpacked, { recursive: true });
}

// One shell for all of them: a process started from Node costs as much as unpacking a small package.
const unpackAll = (exclude: string): string => `
  root=$1 unpacked=$2
  shift 2
  for deb; do
    dpkg-deb --control "$deb" "$unpacked/\${deb##*/}"
    dpkg-deb --fsys-tarfile "$deb" |
      tar -xpvC "$root" --no-same-owner --keep-directory-symlink ${exclude} >"$unpacked/\${deb##*/}/files"
  done`;

/** What the maintainer scripts of a minimal Debian leave behind. Where a file has a template, that is used. */
export function configureDebian(root: string): void {
  const share = (path: string): string => readFileSync(join(root, "usr/share", path), "utf8");
  const users = `${share("base-passwd/passwd.master").trimEnd()}\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n`;
  const shadow = (lines: string, rest: string): string =>
    lines.replace(/^([^:\n]+):.*$/gm, (_, name: string) => `${name}:*:${rest}`);
  const plain: Readonly<Record<string, string>> = {
    "etc/passwd": users.replaceAll(":*:", ":x:"),
    "etc/group": share("base-passwd/group.master").replaceAll(":*:", ":x:"),
    "etc/shadow": shadow(users, "20000:0:99999:7:::"),
    "etc/gshadow": shadow(share("base-passwd/group.master"), ":"),
    "etc/nsswitch.conf": share("libc-bin/nsswitch.conf"),
    "etc/profile": share("base-files/profile"),
    "etc/motd": share("base-files/motd"),
    "etc/shells": share("debianutils/shells"),
    "etc/environment": "",
    "etc/timezone": "Etc/UTC\n",
    "root/.bashrc": share("base-files/dot.bashrc"),
    "root/.profile": share("base-files/dot.profile"),
    "etc/apt/sources.list.d/debian.sources": DEBIAN_SOURCES,
    "etc/apt/apt.conf.d/docker-no-languages": 'Acquire::Languages "none";\n',
    "etc/dpkg/dpkg.cfg.d/docker": SLIM_EXCLUDES.map((path) => `path-exclude ${path.slice(1)}\n`).join(""),
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
    "var/lib/dpkg/available": "",
    "var/lib/dpkg/diversions": "",
    "var/lib/dpkg/statoverride": "",
    ...PAM,
  };
  for (const [path, text] of Object.entries(plain)) put(root, path, text);
  chmodSync(join(root, "usr/sbin/policy-rc.d"), 0o755);
  for (const path of ["etc/shadow", "etc/gshadow"]) chmodSync(join(root, path), 0o640);
  for (const path of ["mnt", "srv", "opt", "media", "var/opt", "var/mail", "var/cache/apt/archives/partial"]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  for (const path of ["bin", "etc", "games", "include", "lib", "sbin", "share/man", "src"]) {
    mkdirSync(join(root, "usr/local", path), { recursive: true });
  }
  runTool("chmod", ["1777", join(root, "tmp"), join(root, "var/tmp")]);
  for (const [path, target] of Object.entries(LINKS)) relink(root, path, target);
  for (const [name, choice] of Object.entries(ALTERNATIVES)) addAlternative(root, name, choice);
}

function addAlternative(root: string, name: string, choice: string): void {
  put(root, `var/lib/dpkg/alternatives/${name}`, `auto\n/usr/bin/${name}\n\n${choice}\n0\n\n`);
  relink(root, `etc/alternatives/${name}`, choice);
  relink(root, `usr/bin/${name}`, `/etc/alternatives/${name}`);
}

// base-files ships /var/run and /var/lock as directories and its script replaces them.
function relink(root: string, path: string, target: string): void {
  rmSync(join(root, path), { recursive: true, force: true });
  symlinkSync(target, join(root, path));
}

function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const ALTERNATIVES = { awk: "/usr/bin/mawk", which: "/usr/bin/which.debianutils", pager: "/bin/more" } as const;

const LINKS = {
  "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
  "etc/dpkg/origins/default": "debian",
  "var/run": "/run",
  "var/lock": "/run/lock",
  "var/spool/mail": "../mail",
} as const;

const DEBIAN_SOURCES = `Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

const PAM = {
  "etc/pam.d/common-auth":
    "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
  "etc/pam.d/common-account": "account required pam_unix.so\n",
  "etc/pam.d/common-password": "password required pam_unix.so obscure yescrypt\n",
  "etc/pam.d/common-session": "session required pam_unix.so\n",
  "etc/pam.d/common-session-noninteractive": "session required pam_unix.so\n",
} as const;
