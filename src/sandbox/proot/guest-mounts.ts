import { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import type { SpecMount } from "../oci-spec.ts";
import type { Binding } from "./guest-paths.ts";

/** Devices of the machine's that every RUN has, as far as they are there. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"] as const;
const LINKS = { fd: "/proc/self/fd", stdin: "/proc/self/fd/0", stdout: "/proc/self/fd/1", stderr: "/proc/self/fd/2" };

/**
 * What a container runtime would mount, as bindings of a guest. `scratch` is an existing directory of this run's
 * own, in which what is a tmpfs elsewhere becomes a directory. /proc shows the guest's own processes; an mqueue
 * and cgroups of its own cannot be had.
 */
export function guestMounts(mounts: readonly SpecMount[], scratch: string): readonly Binding[] {
  return mounts.flatMap((mount, index) => bindingsOf(mount, `${scratch}/mount-${index}`));
}

function bindingsOf(mount: SpecMount, directory: string): readonly Binding[] {
  const { destination: guest, type, source, options } = mount;
  const readOnly = options.includes("ro");
  if (options.includes("bind") || options.includes("rbind")) {
    return existsSync(source) ? [{ host: realpathSync(source), guest, readOnly }] : [];
  }
  switch (type) {
    case "proc":
      return [{ host: "/proc", guest, readOnly }];
    case "sysfs":
      return [{ host: "/sys", guest, readOnly: true }];
    case "devpts":
      return existsSync("/dev/pts") ? [{ host: "/dev/pts", guest, readOnly }] : [];
    case "tmpfs":
      return guest === "/dev" ? devices(directory, guest) : [emptyDirectory(directory, mount)];
    default:
      return [];
  }
}

function emptyDirectory(directory: string, { destination: guest, options }: SpecMount): Binding {
  const mode = options.find((option) => option.startsWith("mode="))?.slice("mode=".length);
  mkdirSync(directory, { mode: 0o700 | Number.parseInt(mode ?? "1777", 8) });
  return { host: directory, guest, readOnly: options.includes("ro") };
}

/** A directory with names for what is bound in it, so that it can be listed. */
function devices(directory: string, guest: string): readonly Binding[] {
  mkdirSync(directory, { mode: 0o755 });
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(`${directory}/${name}`);
  for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, `${directory}/${name}`);
  const there = DEVICES.filter((name) => existsSync(`/dev/${name}`));
  for (const name of there) writeFileSync(`${directory}/${name}`, "");
  return [
    { host: directory, guest, readOnly: false },
    ...there.map((name) => ({ host: `/dev/${name}`, guest: `${guest}/${name}`, readOnly: false })),
  ];
}
