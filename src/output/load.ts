import { AppError } from "../base/errors.ts";
import { feedProcess } from "../sys/fed-process.ts";
import { run } from "../sys/run.ts";
import type { Sink } from "./file-sink.ts";

/** A container engine of this machine that takes images. */
export interface LoadEngine {
  readonly name: "docker" | "podman" | "nerdctl";
  /** Reads an archive from its standard input. */
  readonly argv: readonly string[];
}

export interface LoadTools {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

interface Candidate {
  readonly name: LoadEngine["name"];
  /** Succeeds where the engine answers, and says what `takesIndex` wants to know. */
  readonly ask: readonly string[];
  /** Whether it keeps images of several platforms under one name. */
  takesIndex(answer: string): boolean;
  readonly load: readonly string[];
}

const CANDIDATES: readonly Candidate[] = [
  {
    name: "docker",
    ask: ["docker", "info", "--format", "{{json .DriverStatus}} {{.ServerVersion}}"],
    // The containerd image store; the classic one keeps a single platform under a name.
    takesIndex: (answer) => answer.includes("io.containerd.snapshotter"),
    load: ["docker", "load", "--quiet"],
  },
  {
    name: "podman",
    ask: ["podman", "info", "--format", "{{.Version.Version}}"],
    takesIndex: () => false,
    load: ["podman", "load", "--quiet"],
  },
  {
    name: "nerdctl",
    ask: ["nerdctl", "info", "--format", "{{.ServerVersion}}"],
    takesIndex: () => true,
    load: ["nerdctl", "load", "--all-platforms"],
  },
];

/** Milliseconds that an engine may take to say that it is there. */
const PATIENCE = 10_000;

/**
 * The engine that `--load` means: of docker, podman and nerdctl the first one that answers and takes
 * as many `platforms`. Throws `OUTPUT_LOAD_ENGINE` where none answers, `OUTPUT_LOAD_INDEX` where none
 * takes an index.
 */
export async function findEngine(platforms: number, { env, signal }: LoadTools): Promise<LoadEngine> {
  const failures: string[] = [];
  const single: string[] = [];
  for (const { name, ask, takesIndex, load } of CANDIDATES) {
    const answer = await answerOf(ask, { env, signal });
    if (answer.failure !== undefined) failures.push(`${name}: ${answer.failure}`);
    else if (platforms === 1 || takesIndex(answer.text)) return { name, argv: load };
    else single.push(name);
  }
  throw single.length > 0 ? noIndex(single, platforms) : noEngine(failures);
}

/** Feeds an archive to `engine`; `commit` waits until it has taken the image. Throws `OUTPUT_LOAD_FAILED`. */
export function openLoad({ name, argv }: LoadEngine, { env, signal }: LoadTools): Sink {
  const loader = feedProcess(argv, { env, signal });
  return {
    write: (chunk) => loader.write(chunk),
    commit: async () => {
      const { code, stderr, stdout } = await loader.end();
      // Docker reports some failures on standard output and answers 0.
      if (code === 0 && !/^(?:error|Error)/m.test(stdout)) return;
      const said = lastLine(stderr) || lastLine(stdout) || `it exited with ${code ?? "a signal"}`;
      throw new AppError("OUTPUT_LOAD_FAILED", `${name} did not take the image: ${said}`, {
        hint: `write it with -o type=docker,dest=image.tar and try ${argv.slice(0, 2).join(" ")} -i image.tar`,
      });
    },
    abort: () => loader.kill(),
  };
}

async function answerOf(
  argv: readonly string[],
  { env, signal }: LoadTools,
): Promise<{ readonly text: string; readonly failure?: string }> {
  try {
    const { code, stdout, stderr } = await run(argv, { env, signal, timeout: PATIENCE });
    // The docker client answers 0 to some of its failures.
    if (code === 0 && stdout.trim() !== "" && !/^error/im.test(stderr)) return { text: stdout };
    return { text: "", failure: lastLine(stderr) || "it does not answer" };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return { text: "", failure: error.code === "PROCESS_NOT_STARTED" ? "not installed" : error.message };
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

function noEngine(failures: readonly string[]): AppError {
  return new AppError("OUTPUT_LOAD_ENGINE", `there is no engine to load the image into (${failures.join("; ")})`, {
    hint: "start one, or write an archive: -o type=docker,dest=image.tar",
  });
}

function noIndex(names: readonly string[], platforms: number): AppError {
  return new AppError(
    "OUTPUT_LOAD_INDEX",
    `${names.join(" and ")} cannot keep an image of ${platforms} platforms under one name`,
    {
      hint:
        "build for one platform (--platform=linux/amd64), write -o type=oci,dest=image.tar, push it, " +
        "or turn on docker's containerd image store",
    },
  );
}
