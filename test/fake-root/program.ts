import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { runInFakeRoot } from "../../src/sandbox/fake-root/fake-root.ts";
import type { TraceRequest } from "../../src/sandbox/fake-root/request.ts";
import { runMounts } from "../../src/sandbox/mounts.ts";
import { guestMounts } from "../../src/sandbox/proot/guest-mounts.ts";
import { loadSyscalls } from "../../src/sys/load-syscalls.ts";

/** What the program is asked for by a file. */
export interface Task {
  readonly request: Omit<TraceRequest, "guest">;
  readonly root: string;
  readonly emulators?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds after which it is cancelled. */
  readonly cancelAfter?: number | undefined;
}

/** Does a RUN as the worker would, and shows what it says. */
async function main(taskFile: string): Promise<void> {
  const { request, root, emulators = {}, cancelAfter } = JSON.parse(readFileSync(taskFile, "utf8")) as Task;
  const scratch = `${taskFile}.d`;
  mkdirSync(scratch);
  const [resolvConf, hosts] = ["/etc/resolv.conf", `${scratch}/hosts`];
  writeFileSync(hosts, "127.0.0.1 localhost\n");
  const mounts = runMounts({ resolvConf, hosts }, true);
  const stop = new AbortController();
  if (cancelAfter !== undefined) setTimeout(() => stop.abort(new Error("cancelled")), cancelAfter);
  const options = {
    scratch,
    syscalls: loadSyscalls(),
    signal: stop.signal,
    onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => {
      process[stream].write(data);
    },
  };
  const guest = { root, bindings: guestMounts(mounts, scratch), emulators };
  const end = await runInFakeRoot({ ...request, guest }, options);
  writeFileSync(`${taskFile}.end`, JSON.stringify(end));
}

await main(process.argv[2] ?? "");
