import { flushCompileCache } from "node:module";
import { setImmediate as breathe } from "node:timers/promises";
import { OwnHandlers } from "../sandbox/emulation/own-handlers.ts";
import { joinStore } from "../store/store.ts";
import { loadProcessCalls, loadSyscalls } from "../sys/load-syscalls.ts";
import { reapOthers } from "./reap-others.ts";
import { snapshotForm } from "./snapshots.ts";
import { loadOperations, openServer } from "./serve.ts";
import { standIn } from "./stand.ts";
import type { WorkerStart } from "./start.ts";

/**
 * The worker process, with the channel to control on descriptor 3. In namespaces it is root and the first
 * process of its pid namespace, so that its end is everybody's.
 */
async function main(start: WorkerStart): Promise<void> {
  process.umask(0o022);
  const { Socket } = process.getBuiltinModule("node:net");
  const { channel, begin } = openServer(new Socket({ fd: 3, readable: true, writable: true }), () => process.exit(0));
  const calls = loadSyscalls();
  // The channel is ours alone, and so is whatever else was inherited by mistake.
  calls.closeOnExecFrom(3);
  const { root, session } = start;
  const note = (code: string, message: string): void => void channel.send({ note: { code, message } });
  const { temp, ...store } = joinStore(root, session, { onNote: note });
  const scratch = `${session}/scratch`;
  const stand = await standIn(start, { scratch, temp, calls, process: loadProcessCalls, note });
  const { syscalls, sandbox } = stand;
  // Elsewhere they would be everybody's, and stay when we have ended.
  const isOurs = start.place.kind === "namespaces" && start.place.userNamespace;
  const handlers = isOurs ? new OwnHandlers(syscalls, scratch) : undefined;
  begin({ store, temp, scratch, handlers, note, ...stand });
  await channel.send({ ready: { rung: sandbox.rung.name, runtime: sandbox.runtime, form: snapshotForm(syscalls) } });
  await breathe();
  await reapOthers(root, session);
  await loadOperations();
  // We are killed in the end and never exit, which is when Node would write what it has compiled.
  flushCompileCache();
}

await main(JSON.parse(process.argv[2] ?? "{}") as WorkerStart);
