import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, chmodSync, chownSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLeftovers, type Leftovers } from "./leftovers.ts";
import { ensureArtefact } from "./make.ts";
import { Registry, type RegistryOptions } from "./registry.ts";
import { asUser, readableCheckout, removeTree, runsAsRoot, unprivilegedUser, type BedUser } from "./user.ts";

export interface BedOptions {
  /** Serve the base images also for s390x, ppc64le and riscv64. Default false. */
  readonly morePlatforms?: boolean;
  /** How the registry that is pushed to behaves. */
  readonly target?: RegistryOptions;
  /** `current` runs the command line as this process does; default `unprivileged`. */
  readonly user?: "unprivileged" | "current";
}

export interface CliResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, as a shell with job control starts it: `kill(-pid)` reaches it and its children alone. */
  readonly ownGroup?: boolean;
  /** A command that runs the rest of its arguments: `strace` with its flags, say. */
  readonly prefix?: readonly string[];
  /** Called with the running process: to send it signals in the middle of things. */
  readonly onStart?: (pid: number) => void;
  /** Called with every piece of its standard error, for tests that act when something was said. */
  readonly onStderr?: (text: string) => void;
}

/** Registries, directories and a user: everything that one test of the command line needs. */
export interface Bed extends AsyncDisposable {
  /** Serves the base images as a mirror of docker.io and gcr.io does. */
  readonly mirror: Registry;
  /** Empty; images are pushed here. */
  readonly target: Registry;
  /** The bed's own directory; `home`, `tmp`, `run` and `store` are in it. Belongs to the user. */
  readonly directory: string;
  readonly store: string;
  readonly user: BedUser;
  /** The environment of the command line: nothing of the caller's but how to reach the network. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs `bin/manyarch` to its end. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** An empty directory that belongs to the user. */
  newDirectory(name: string): string;
  leftovers(): Leftovers;
}

/** Starts a bed. `await using bed = await startBed()` takes it away again. */
export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const images = ensureArtefact(options.morePlatforms === true ? "base-images-more" : "base-images");
  const user = options.user === "current" && runsAsRoot ? ROOT : unprivilegedUser();
  const checkout = readableCheckout(user);
  const directory = mkdtempSync(join(tmpdir(), "manyarch-bed-"));
  own(directory, user, 0o755);
  const newDirectory = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path);
    own(path, user, 0o700);
    return path;
  };
  for (const name of ["home", "tmp", "run", "store"]) newDirectory(name);
  const mirror = await Registry.start({ folder: join(images, "registry"), readOnly: true });
  const target = await Registry.start(options.target);
  const env = environment(directory, mirror.host);
  return {
    mirror,
    target,
    directory,
    store: join(directory, "store"),
    user,
    env,
    newDirectory,
    cli: (args, cli = {}) =>
      runCommand([...asUser(user, [...(cli.prefix ?? []), join(checkout.path, "bin/manyarch"), ...args])], {
        ...cli,
        cwd: cli.cwd ?? directory,
        env: { ...env, ...cli.env },
      }),
    leftovers: () => findLeftovers(directory, [join(directory, "tmp"), join(directory, "run")]),
    [Symbol.asyncDispose]: async () => {
      await mirror.stop();
      await target.stop();
      removeTree(directory);
      if (checkout.copy !== undefined) removeTree(checkout.copy);
    },
  };
}

const ROOT: BedUser = { name: "root", uid: 0, gid: 0, home: "/root" };

/** Variables that say how this machine reaches the network; a build needs them, tests do not set them. */
const NETWORK = /^(https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/i;

function environment(directory: string, mirror: string): Readonly<Record<string, string>> {
  const network = Object.entries(process.env).filter(([name, value]) => NETWORK.test(name) && value !== undefined);
  return {
    ...(Object.fromEntries(network) as Record<string, string>),
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: join(directory, "home"),
    TMPDIR: join(directory, "tmp"),
    XDG_RUNTIME_DIR: join(directory, "run"),
    MANYARCH_ROOT: join(directory, "store"),
    MANYARCH_REGISTRY_MIRRORS: `docker.io=${mirror},gcr.io=${mirror}`,
    LC_ALL: "C.UTF-8",
  };
}

function own(path: string, user: BedUser, mode: number): void {
  chmodSync(path, mode);
  if (runsAsRoot) chownSync(path, user.uid, user.gid);
}

function runCommand(argv: readonly string[], options: CliOptions): Promise<CliResult> {
  const [command = "", ...args] = argv;
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: options.ownGroup ?? false,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      options.onStderr?.(text);
    });
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      resolve({ exitCode, signal, stdout, stderr, seconds: (performance.now() - start) / 1000 });
    });
    if (child.pid !== undefined) options.onStart?.(child.pid);
  });
}
