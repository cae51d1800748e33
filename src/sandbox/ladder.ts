import { AppError } from "../base/errors.ts";
import { RunFailure } from "./run-failure.ts";
import type { PassedOver, RungName } from "./rung.ts";
import { rungNamed } from "./rung.ts";
import type { RunOptions, Sandbox, SandboxRun } from "./sandbox.ts";

export interface LadderOptions {
  /** Highest first. */
  readonly rungs: readonly Sandbox[];
  /** Those above and between that cannot be had here. */
  readonly passedOver: readonly PassedOver[];
  readonly onNote: (code: string, message: string) => void;
}

/**
 * The rungs that this place has: each RUN executes on the highest that serves it. One that cannot begin its
 * first RUN is passed over from then on, which is how it is probed: by what it does. What was passed over is
 * told when a rung is first used.
 */
export function ladderSandbox({ rungs, passedOver, onNote }: LadderOptions): Sandbox {
  const usable = [...rungs];
  const proven = new Set<Sandbox>();
  const said = new Set<Sandbox>();
  const refused: PassedOver[] = [...passedOver];
  const [highest] = rungs;
  const use = async (rung: Sandbox, attempt: () => Promise<void>): Promise<boolean> => {
    try {
      await attempt();
    } catch (error) {
      if (proven.has(rung) || !isRefusal(error)) throw error;
      // Of several RUNs that were refused at the same time the first one has taken it away.
      const at = usable.indexOf(rung);
      if (at < 0) return false;
      refused.push(passedOverBy(rung, error));
      usable.splice(at, 1);
      return false;
    }
    return true;
  };
  return {
    rung: highest?.rung ?? rungNamed("none"),
    get runtime(): string | null {
      return usable[0]?.runtime ?? null;
    },
    run: async (request, options) => {
      for (;;) {
        const rung = usable.find((one) => one.serves?.(request) ?? true);
        if (rung === undefined) throw unavailable(request, refused);
        // It has begun: before what the first RUN on it prints.
        const told = (): void => {
          if (!said.has(rung) && refused.length > 0) onNote("SANDBOX_RUNG", describe(rung, refused));
          said.add(rung);
        };
        const onOutput: RunOptions["onOutput"] = (...output) => {
          told();
          return options.onOutput(...output);
        };
        const attempt = async (): Promise<void> => {
          try {
            await rung.run(request, { ...options, onOutput });
            told();
            proven.add(rung);
          } catch (error) {
            if (!isRefusal(error)) {
              told();
              proven.add(rung);
            }
            throw error;
          }
        };
        if (await use(rung, attempt)) return;
      }
    },
  };
}

/** It could not begin; everything else is the command's, or somebody's who ended it. */
function isRefusal(error: unknown): error is AppError {
  if (error instanceof RunFailure || !(error instanceof Error)) return false;
  if (error instanceof AppError) return error.code === "SANDBOX_FAILED" || error.code === "SANDBOX_UNAVAILABLE";
  return "syscall" in error && "code" in error && ["EPERM", "EACCES", "ENOSYS"].includes(String(error.code));
}

function passedOverBy({ rung }: Sandbox, error: Error): PassedOver {
  return { rung: rung.name, reason: error.message, fix: error instanceof AppError ? error.hint : undefined };
}

/** `RUN executes on the rung chroot (...)`, then a line for each rung above it. */
function describe({ rung }: Sandbox, passedOver: readonly PassedOver[]): string {
  return [`RUN executes on the rung ${rung.name}: ${rung.gives}`, ...linesOf(passedOver)].join("\n");
}

/** Rungs that one reason rules out share a line. */
function linesOf(passedOver: readonly PassedOver[]): readonly string[] {
  const rungs = new Map<string, RungName[]>();
  for (const { rung, reason, fix } of passedOver) {
    const why = `${reason}${fix === undefined ? "" : `. ${fix}`}`;
    rungs.set(why, [...(rungs.get(why) ?? []), rung]);
  }
  return [...rungs].map(([why, names]) => `  ${names.join(" and ")} passed over: ${why}`);
}

function unavailable({ argv, emulator, network, insecure }: SandboxRun, passedOver: readonly PassedOver[]): AppError {
  const plain =
    insecure === undefined ? "RUN" : "RUN --security=insecure (all capabilities are to be had in namespaces only)";
  const kind = network === "none" ? "RUN --network=none (a network of its own takes namespaces)" : plain;
  const what = emulator === undefined ? kind : `${kind} of a foreign platform`;
  const hint = passedOver.flatMap(({ fix }) => (fix === undefined ? [] : [fix])).at(-1);
  return new AppError(
    "SANDBOX_UNAVAILABLE",
    [`no sandbox for ${what} ${JSON.stringify(argv.at(-1) ?? "")} is to be had here`, ...linesOf(passedOver)].join(
      "\n",
    ),
    { hint },
  );
}
