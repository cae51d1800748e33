import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AppError, messageOf } from "../../base/errors.ts";
import { run } from "../../sys/run.ts";
import type { ElfArchitecture } from "./architectures.ts";
import { PROBE_EXIT, PROBE_EXIT_SHIFTED, probeProgram } from "./probe-program.ts";
import { registration } from "./registration.ts";

export interface ProbeOptions {
  /** A path where nothing is yet, on a file system that programs may be run from. */
  readonly directory: string;
  /** As PATH, for chroot, unshare and mount. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** What became of a program that was tried. */
export type Trial =
  | { readonly runs: true; readonly shifted: boolean }
  | { readonly runs: false; readonly reason: string };

/** Tries, by running a program of a hundred bytes, how the binaries of an architecture can be run. */
export interface Probe {
  /** As the kernel runs it now, in a root that has nothing but the program. */
  alone(): Promise<Trial>;
  /** As the kernel runs it now, in our root. */
  here(): Promise<Trial>;
  /** In a root of its own, by a handler in a new user namespace. */
  own(qemu: string, keepsName: boolean): Promise<Trial>;
  /** In our root, by a program that is given it. */
  by(emulator: string): Promise<Trial>;
}

/** Calls `body` with a probe, whose files are gone after. */
export async function withProbe<T>(
  architecture: ElfArchitecture,
  options: ProbeOptions,
  body: (probe: Probe) => Promise<T>,
): Promise<T> {
  const { directory } = options;
  const root = `${directory}/root`;
  for (const path of [directory, root, `${directory}/binfmt_misc`]) mkdirSync(path, { mode: 0o755 });
  writeFileSync(`${root}/probe`, probeProgram(architecture), { mode: 0o755 });
  const attempt = (argv: readonly string[]): Promise<Trial> => tryProgram(argv, options);
  // chroot(2) is root's, and so is every user in a user namespace of his own.
  const enter = process.getuid?.() === 0 ? [] : ["unshare", "--user", "--map-root-user"];
  try {
    return await body({
      alone: () => attempt([...enter, "chroot", root, "/probe"]),
      here: () => attempt([`${root}/probe`]),
      by: (emulator) => attempt([emulator, `${root}/probe`]),
      own: (path, keepsName) =>
        attempt([
          ...["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", OWN, "own"],
          ...[`${directory}/binfmt_misc`, registration(architecture, { path, keepsName }), root],
          ...[process.execPath, mountProgram()],
        ]),
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Slim images have no mount(8). One write: the kernel takes a registration as a whole. */
const OWN = `{ mount -t binfmt_misc binfmt_misc "$1" || { [ $? = 127 ] && "$4" --disable-warning=ExperimentalWarning "$5" "$1"; }; } &&
printf %s "$2" >"$1/register" && exec chroot "$3" /probe`;

/** As source beside this file; in the bundle (rolldown.config.js) it has a folder of its own. */
function mountProgram(): string {
  const path = import.meta.url.endsWith(".ts") ? "./mount-binfmt.ts" : "../binfmt/main.js";
  return fileURLToPath(new URL(path, import.meta.url));
}

async function tryProgram(argv: readonly string[], { path, signal }: ProbeOptions): Promise<Trial> {
  try {
    const { code, stderr } = await run(argv, { env: { PATH: path, LC_ALL: "C" }, signal, timeout: TIMEOUT_MS });
    if (code === PROBE_EXIT || code === PROBE_EXIT_SHIFTED) return { runs: true, shifted: code === PROBE_EXIT_SHIFTED };
    const said = stderr.trim().split("\n").at(-1) ?? "";
    return { runs: false, reason: said === "" ? `the probe ended with ${code ?? "a signal"}` : said };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return { runs: false, reason: messageOf(error) };
  }
}

const TIMEOUT_MS = 10_000;
