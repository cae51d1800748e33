import type { CallFilter } from "../../sys/trace/call-filter.ts";
import type { CallName, Machine } from "../../sys/trace/machines/machine.ts";
import { ATTRIBUTE_CALLS } from "./attribute-calls.ts";
import { execCalls } from "../proot/exec-calls.ts";
import type { Emulators } from "../proot/exec-calls.ts";
import { PATH_CALLS } from "../proot/path-calls.ts";
import { processCalls } from "../proot/process-calls.ts";
import { shortLinks } from "../proot/short-links.ts";
import type { ShortLinks } from "../proot/short-links.ts";
import { socketCalls } from "../proot/socket-calls.ts";
import type { Handler } from "./context.ts";
import { CREATION_CALLS } from "./creation-calls.ts";
import { ID_CALLS } from "./id-calls.ts";
import { NAME_CALLS } from "./name-calls.ts";
import { OWNER_CALLS } from "./owner-calls.ts";
import { STAT_CALLS } from "./stat-calls.ts";

/** Would reach files without the calls that are watched, and have older forms that programs fall back to. */
const WAYS_ROUND: readonly CallName[] = [
  "io_uring_setup",
  "name_to_handle_at",
  "fanotify_mark",
  "open_tree",
  "setxattrat",
  "getxattrat",
  "listxattrat",
  "removexattrat",
  "file_getattr",
  "file_setattr",
];

type Handlers = Readonly<Partial<Record<CallName, Handler>>>;

export interface GuestHandlerOptions {
  readonly emulators: Emulators;
  readonly everTraced: ReadonlySet<number>;
  readonly links: ShortLinks;
}

/** For programs in a root that the kernel does not know of. */
export function guestHandlers({ emulators, everTraced, links }: GuestHandlerOptions): Handlers {
  return {
    ...STAT_CALLS,
    ...ID_CALLS,
    ...OWNER_CALLS,
    ...CREATION_CALLS,
    ...NAME_CALLS,
    ...ATTRIBUTE_CALLS,
    ...PATH_CALLS,
    ...execCalls(emulators, links),
    ...socketCalls(links),
    ...processCalls(everTraced),
  };
}

/** Those of calls that the machine has. */
export function byNumber(handlers: Handlers, { calls }: Machine): ReadonlyMap<number, Handler> {
  const entries = Object.entries(handlers).flatMap(([name, handler]) => {
    const nr = calls[name as CallName];
    return nr === undefined ? [] : [[nr, handler] as const];
  });
  return new Map(entries);
}

/** The filter that goes with the handlers. */
export function guestFilter(): CallFilter {
  const handlers = guestHandlers({ emulators: new Map(), everTraced: new Set(), links: shortLinks("") });
  return { trace: Object.keys(handlers) as CallName[], refuse: WAYS_ROUND };
}
