import { flushCompileCache } from "node:module";
import { setImmediate as breathe } from "node:timers/promises";
import { OwnHandlers } from "../sandbox/emulation/own-handlers.ts";
import { runtimeSandbox } from "../sandbox/runtime-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { mountForSandboxes } from "../sandbox/worker-mounts.ts";
import { overlayRoot } from "../snapshot/overlay-root.ts";
import { joinStore } from "../store/store.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { reapOthers } from "./reap-others.ts";
import { loadOperations, openServer } from "./serve.ts";

/**
 * The worker process: `main.ts STORE SESSION root|user`, root in its namespaces, with the channel to
 * control on descriptor 3. It is the first process of its pid namespace, so its end is everybody's.
 */
async function main(root: string, session: string, privileges: string): Promise<void> {
  process.umask(0o022);
  const { Socket } = process.getBuiltinModule("node:net");
  const { channel, begin } = openServer(new Socket({ fd: 3, readable: true, writable: true }), () => process.exit(0));
  const syscalls = loadSyscalls();
  // The channel is ours alone, and so is whatever else was inherited by mistake.
  syscalls.closeOnExecFrom(3);
  const scratch = `${session}/scratch`;
  mountForSandboxes(syscalls, scratch);
  const note = (code: string, message: string): void => void channel.send({ note: { code, message } });
  const { temp, ...store } = joinStore(root, session, { onNote: note });
  const sandbox: Sandbox = runtimeSandbox({
    scratch,
    userNamespace: privileges === "user",
    path: process.env["PATH"] ?? "",
    syscalls,
  });
  const roots = overlayRoot({ scratch, syscalls });
  begin({ store, temp, scratch, syscalls, sandbox, handlers: new OwnHandlers(syscalls, scratch), roots, note });
  await channel.send({ ready: { rung: sandbox.rung.name, runtime: sandbox.runtime } });
  await breathe();
  await reapOthers(root, session);
  await loadOperations();
  // We are killed in the end and never exit, which is when Node would write what it has compiled.
  flushCompileCache();
}

const [root = "", session = "", privileges = ""] = process.argv.slice(2);
await main(root, session, privileges);
