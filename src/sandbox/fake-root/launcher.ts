import { closeSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { chdir, execve, umask } from "node:process";
import { loadSyscalls } from "../../sys/load-syscalls.ts";
import { forbidPrivileges, installFilter } from "../../sys/trace/call-filter.ts";
import { openKernel } from "../../sys/trace/kernel.ts";
import { restrictFiles } from "../../sys/trace/landlock.ts";
import { START_FILE } from "./request.ts";
import type { StartRequest } from "./request.ts";

/** Tells when the tracer is there. */
const GATE = 3;
/** What they stand for may be opened once more, as /dev/stdout. */
const STREAMS = [0, 1, 2].map((fd) => ({ path: `/proc/self/fd/${fd}`, readOnly: false }));
const MEMORY = 64 * 1024;

/** Becomes the program, once it is traced. */
function launch(directory: string): void {
  const kernel = openKernel(MEMORY);
  const syscalls = loadSyscalls();
  umask(0o022);
  // The request is there once the tracer is.
  if (readSync(GATE, Buffer.alloc(1)) === 0) return;
  const request = JSON.parse(readFileSync(`${directory}/${START_FILE}`, "utf8")) as StartRequest;
  for (const entry of request.cgroups ?? []) writeFileSync(entry, "0");
  chdir(request.directory);
  closeSync(GATE);
  syscalls.closeOnExecFrom(GATE);
  forbidPrivileges(kernel);
  restrictFiles(kernel, [...request.reach, ...STREAMS]);
  for (const filter of request.filters) installFilter(kernel, Buffer.from(filter, "base64"));
  execve?.(request.argv[0] ?? "", [...request.argv], { ...request.env });
}

launch(process.argv[2] ?? "");
