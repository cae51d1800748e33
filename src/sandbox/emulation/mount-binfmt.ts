import { MOUNT } from "../../sys/syscalls.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import { loadSyscalls } from "../../sys/load-syscalls.ts";

// `mount-binfmt.ts DIRECTORY`: what mount(8) would do where it is not installed.
loadSyscalls().mount("binfmt_misc", fromUtf8(process.argv[2] ?? ""), "binfmt_misc", MOUNT.NOSUID | MOUNT.NODEV);
