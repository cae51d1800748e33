import { GO_CACHE_PATH } from "./go-cache.ts";
import type { SpecMount } from "./oci-spec.ts";

/** Where a RUN finds the machine's certificates. In the tmpfs of /dev, so that no layer holds a trace of it. */
export const HOST_CA_PATH = "/dev/manyarch/ca.pem";

/** Where the script of a RUN heredoc is. In the tmpfs of /dev, as BuildKit has it. */
export const SCRIPT_DIRECTORY = "/dev/pipes";

/** As docker has it. */
const SHM_BYTES = 64 * 1024 * 1024;

/** Files of the machine's that a RUN sees, as paths outside of its root. */
export interface BoundFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly ca?: string | undefined;
  /** A directory that is the run's to write. */
  readonly goCache?: string | undefined;
}

/**
 * The mounts of a RUN, in order. `userNamespace`: whether we are root in a user namespace only, where
 * a fresh sysfs may not be mounted unless its network namespace is ours too.
 * There is no tmpfs on /run: what a RUN writes there belongs to the image.
 */
export function runMounts(files: BoundFiles, userNamespace: boolean, shmSize = SHM_BYTES): readonly SpecMount[] {
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${shmSize}`],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    ...systemMounts(userNamespace),
    bindFile(files.resolvConf, "/etc/resolv.conf"),
    bindFile(files.hosts, "/etc/hosts"),
    ...(files.ca === undefined ? [] : [bindFile(files.ca, HOST_CA_PATH)]),
    ...(files.goCache === undefined ? [] : [bindDirectory(files.goCache, GO_CACHE_PATH)]),
  ];
}

/** /sys/fs/cgroup is what the worker has put there for itself, read-only (worker-mounts.ts). */
function systemMounts(userNamespace: boolean): readonly SpecMount[] {
  const options = ["nosuid", "noexec", "nodev", "ro"];
  const cgroup: SpecMount = {
    destination: "/sys/fs/cgroup",
    type: "none",
    source: "/sys/fs/cgroup",
    options: ["bind", ...options],
  };
  if (userNamespace)
    return [{ destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...options] }, cgroup];
  return [{ destination: "/sys", type: "sysfs", source: "sysfs", options }, cgroup];
}

/** Executable: `go run` and `go tool` start what they find in the cache. */
function bindDirectory(source: string, destination: string): SpecMount {
  return { destination, type: "none", source, options: ["bind", "rw", "nosuid", "nodev"] };
}

function bindFile(source: string, destination: string): SpecMount {
  return { destination, type: "none", source, options: ["bind", "ro", "nosuid", "nodev", "noexec"] };
}
