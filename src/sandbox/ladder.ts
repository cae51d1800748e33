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
export function ladderSandbox(options: LadderOptions): Sandbox {
  const ladder = new Ladder(options);
  return {
    rung: options.rungs[0]?.rung ?? rungNamed("none"),
    get runtime(): string | null {
      return ladder.runtime;
    },
    run: (request, run) => ladder.run(request, run),
  };
}

class Ladder {
  readonly #usable: Sandbox[];
  readonly #refused: PassedOver[];
  readonly #onNote: LadderOptions["onNote"];
  /** Those that a RUN has begun on. */
  readonly #proven = new Set<Sandbox>();
  readonly #said = new Set<Sandbox>();

  constructor({ rungs, passedOver, onNote }: LadderOptions) {
    this.#usable = [...rungs];
    this.#refused = [...passedOver];
    this.#onNote = onNote;
  }

  get runtime(): string | null {
    return this.#usable[0]?.runtime ?? null;
  }

  async run(request: SandboxRun, options: RunOptions): Promise<void> {
    for (;;) {
      const rung = this.#usable.find((one) => one.serves?.(request) ?? true);
      if (rung === undefined) throw unavailable(request, this.#refused);
      if (await this.#runOn(rung, request, options)) return;
    }
  }

  /** False where the rung could not begin and is passed over from now on. */
  async #runOn(rung: Sandbox, request: SandboxRun, options: RunOptions): Promise<boolean> {
    // Before what the first RUN on it prints.
    const onOutput: RunOptions["onOutput"] = (...output) => {
      this.#tell(rung);
      return options.onOutput(...output);
    };
    try {
      await rung.run(request, { ...options, onOutput });
    } catch (error) {
      if (!isRefusal(error)) this.#hasBegun(rung);
      else if (!this.#proven.has(rung)) {
        this.#passOver(rung, error);
        return false;
      }
      throw error;
    }
    this.#hasBegun(rung);
    return true;
  }

  #hasBegun(rung: Sandbox): void {
    this.#tell(rung);
    this.#proven.add(rung);
  }

  #tell(rung: Sandbox): void {
    if (!this.#said.has(rung) && this.#refused.length > 0) this.#onNote("SANDBOX_RUNG", describe(rung, this.#refused));
    this.#said.add(rung);
  }

  #passOver(rung: Sandbox, error: AppError): void {
    // Of several RUNs that were refused at the same time the first one has taken it away.
    const at = this.#usable.indexOf(rung);
    if (at < 0) return;
    this.#refused.push(passedOverBy(rung, error));
    this.#usable.splice(at, 1);
  }
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
