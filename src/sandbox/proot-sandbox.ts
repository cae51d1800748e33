import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, symlinkSync } from "node:fs";
import { isAbsolute } from "node:path";
import { AppError } from "../base/errors.ts";
import { permittedIn, runCapabilities } from "./capability-numbers.ts";
import { findPrograms } from "./emulation/find-qemu.ts";
import type { LaunchedRuns, Prepared } from "./launched-run.ts";
import { runMounts } from "./mounts.ts";
import type { SpecMount } from "./oci-spec.ts";
import { runVariables, writeRunFiles } from "./run-files.ts";
import { rungNamed } from "./rung.ts";
import type { Sandbox, SandboxRun } from "./sandbox.ts";

export interface ProotOptions {
  /** As PATH. */
  readonly path: string;
  /** Whether owners are real here, or are kept in attributes and everything is ours. */
  readonly owners: "real" | "kept";
}

/**
 * The rung `proot`: every system call with a path in it is stopped and its path changed, so that a process
 * without any right sees a root of its own; the machine's /proc is in it. As root it loses, as in the rung
 * chroot, the capability that tells it from us.
 */
export function prootSandbox(runs: LaunchedRuns, { path, owners }: ProotOptions): Sandbox {
  const [proot] = findPrograms(["proot"], path);
  const held = permittedIn(readFileSync("/proc/self/status", "latin1"));
  const capabilities = owners === "real" ? runCapabilities(held, ["CAP_SYS_CHROOT"]) : undefined;
  return {
    rung: rungNamed("proot"),
    runtime: "proot",
    serves: ({ network }) => network === "host",
    run: async (request, options) => {
      if (proot === undefined) throw notFound();
      await runs.run(request, options, (directory) => prepare(request, directory, proot, { capabilities }));
    },
  };
}

interface Powers {
  /** Of root, which we are; undefined where we are nobody. */
  readonly capabilities: readonly number[] | undefined;
}

function prepare(request: SandboxRun, directory: string, proot: string, { capabilities }: Powers): Prepared {
  const files = writeRunFiles(request, directory);
  const { uid, gid, groups, rootDirectory, argv, cwd, emulator } = request;
  const mounts = [...runMounts(files, true), ...(request.mounts ?? [])];
  const temporary = `${directory}/proot`;
  mkdirSync(temporary);
  // Whoever the RUN is, it is he who keeps files there.
  chmodSync(temporary, 0o1777);
  chmodSync(directory, 0o711);
  const fakes = capabilities === undefined ? (uid === 0 && gid === 0 ? ["-0"] : ["-i", `${uid}:${gid}`]) : [];
  const job = {
    capabilities,
    ...(capabilities === undefined ? {} : { user: { uid, gid, groups } }),
    noNewPrivileges: false,
    cwd: "/",
    argv: [
      proot,
      ...(emulator === undefined ? [] : ["-q", emulator.qemu.path]),
      ...["-r", rootDirectory, "-w", cwd, ...fakes],
      ...bindings(mounts, directory).flatMap((binding) => ["-b", binding]),
      ...argv,
    ],
    env: [...runVariables(request, files), `PROOT_TMP_DIR=${temporary}`],
  };
  return { job, undo: () => {} };
}

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"] as const;

/** As `SOURCE:TARGET`, those of directories before those of what is in them. */
function bindings(mounts: readonly SpecMount[], directory: string): readonly string[] {
  const dev = `${directory}/dev`;
  mkdirSync(dev, { mode: 0o755 });
  const links = { fd: "/proc/self/fd", stdin: "/proc/self/fd/0", stdout: "/proc/self/fd/1", stderr: "/proc/self/fd/2" };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, `${dev}/${name}`);
  const devices = DEVICES.map((name) => {
    closeSync(openSync(`${dev}/${name}`, "wx", 0o666));
    return `/dev/${name}:/dev/${name}`;
  });
  const bound = mounts.flatMap((mount, index) => bindingOf(mount, dev, `${directory}/mount-${index}`));
  return ["/proc:/proc", "/sys:/sys", `${dev}:/dev`, ...devices, ...bound];
}

function bindingOf({ destination, type, source, options }: SpecMount, dev: string, own: string): readonly string[] {
  if (["/proc", "/sys", "/dev", "/sys/fs/cgroup", "/dev/pts", "/dev/mqueue"].includes(destination)) return [];
  if (type === "tmpfs") {
    const mode = options.find((option) => option.startsWith("mode="))?.slice("mode=".length) ?? "755";
    mkdirSync(own);
    chmodSync(own, Number.parseInt(mode, 8));
    inside(destination, dev);
    return [`${own}:${destination}`];
  }
  if (!isAbsolute(source)) return [];
  inside(destination, dev);
  return [`${source}:${destination}`];
}

/** What is bound below /dev has nothing below it there but what we make. */
function inside(destination: string, dev: string): void {
  const rest = destination.startsWith("/dev/") ? destination.slice("/dev/".length) : "";
  const slash = rest.lastIndexOf("/");
  if (slash > 0) mkdirSync(`${dev}/${rest.slice(0, slash)}`, { recursive: true, mode: 0o755 });
}

function notFound(): AppError {
  return new AppError("SANDBOX_UNAVAILABLE", "proot is not installed", {
    hint: "As root, or in the image that builds: apt-get install proot.",
  });
}
