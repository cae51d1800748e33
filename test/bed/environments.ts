import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN_CAPABILITIES } from "../../src/sandbox/capabilities.ts";
import { MASKED_PATHS, READONLY_PATHS } from "../../src/sandbox/hidden-paths.ts";
import { SHIFT } from "./ci-root.ts";
import { ensureArtefact } from "./make.ts";
import { findProgram, runTool } from "./process.ts";
import { DOCKER_PROFILE, seccompOf } from "./docker-seccomp.ts";
import { CHECKOUT } from "./user.ts";

/** One of the places that people build in. */
export interface Environment {
  readonly name: string;
  readonly brief: string;
  /** Numbers inside. */
  readonly uid: number;
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly seccomp: "docker" | "unconfined";
  /** Parts of /proc are hidden, as containers have it. */
  readonly maskedProc: boolean;
  /** It stands in a user namespace (hostUsers: false). */
  readonly userNamespace: boolean;
}

const DOCKER: readonly string[] = RUN_CAPABILITIES;
const usual = { uid: 0, capabilities: DOCKER, noNewPrivileges: false, maskedProc: true, userNamespace: false } as const;
const nobody = { ...usual, uid: 1000, capabilities: [], noNewPrivileges: true } as const;

/** The containers of docs/environments.md. */
export const ENVIRONMENTS: readonly Environment[] = [
  { ...usual, name: "A", brief: "docker run, default: root, Docker's capabilities and seccomp", seccomp: "docker" },
  {
    ...nobody,
    name: "B",
    brief: "Kubernetes restricted: uid 1000, no capabilities, no new privileges",
    seccomp: "docker",
  },
  { ...usual, name: "C", brief: "as A, seccomp unconfined (Kubernetes without a profile)", seccomp: "unconfined" },
  { ...nobody, name: "D", brief: "as B, seccomp unconfined", seccomp: "unconfined" },
  { ...nobody, name: "E", brief: "as D, /proc unmasked", seccomp: "unconfined", maskedProc: false },
  {
    ...usual,
    name: "H1",
    brief: "as A, in a user namespace (hostUsers: false)",
    seccomp: "docker",
    userNamespace: true,
  },
  {
    ...usual,
    name: "H3",
    brief: "as H1, with CAP_SYS_ADMIN",
    seccomp: "docker",
    userNamespace: true,
    capabilities: [...DOCKER, "CAP_SYS_ADMIN"],
  },
];

/** Why no environment can be made here, or undefined. */
export function missingForEnvironments(): string | undefined {
  if (process.getuid?.() !== 0) return "only root makes containers";
  for (const program of ["runc", "mmdebstrap"])
    if (findProgram(program) === undefined) return `${program} is not installed`;
  return existsSync(DOCKER_PROFILE) ? undefined : `${DOCKER_PROFILE} is not there`;
}

export interface EnvironmentResult {
  readonly exitCode: number | null;
  readonly output: string;
  readonly seconds: number;
}

/** A container that can be run in again and again; its files stay until it is removed. */
export interface Container extends Disposable {
  /** Its root file system, from outside. */
  readonly root: string;
  /** Where the context is, inside. */
  readonly work: string;
  run(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<EnvironmentResult>;
}

/** Makes the container of an environment: a CI image on an overlay, the checkout read-only at /repo, a writable /work. */
export function makeContainer(environment: Environment, context: Readonly<Record<string, string>>): Container {
  const directory = mkdtempSync(join(tmpdir(), `manyarch-${environment.name}-`));
  const image = join(ensureArtefact(environment.userNamespace ? "ci-root-shifted" : "ci-root"), "root");
  const root = join(directory, "rootfs");
  for (const name of ["rootfs", "upper", "overlay"]) mkdirSync(join(directory, name), { mode: 0o755 });
  runTool("chmod", ["0755", directory]);
  const layers = `lowerdir=${image},upperdir=${join(directory, "upper")},workdir=${join(directory, "overlay")}`;
  const owner = (environment.userNamespace ? SHIFT : 0) + environment.uid;
  runTool("chown", [`${environment.userNamespace ? SHIFT : 0}`, join(directory, "upper")]);
  runTool("mount", ["-t", "overlay", "overlay", "-o", layers, root]);
  for (const name of ["repo", "work"]) mkdirSync(join(root, name));
  for (const [path, text] of Object.entries(context)) writeFileSync(join(root, "work", path), text);
  runTool("chown", ["-R", `${owner}:${owner}`, join(root, "work")]);
  writeFileSync(join(directory, "resolv.conf"), readFileSync("/etc/resolv.conf"));
  writeFileSync(join(directory, "hosts"), "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
  let count = 0;
  return {
    root,
    work: "/work",
    run: async (argv, env) => {
      const bundle = join(directory, `bundle${count++}`);
      mkdirSync(bundle);
      writeFileSync(join(bundle, "config.json"), JSON.stringify(configOf(environment, root, directory, argv, env)));
      return runContainer(`manyarch-${environment.name}-${process.pid}-${count}`, bundle);
    },
    [Symbol.dispose]: () => {
      runTool("umount", ["-l", root]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function runContainer(id: string, bundle: string): Promise<EnvironmentResult> {
  const started = performance.now();
  let output = "";
  return new Promise((resolve, reject) => {
    const child = spawn("runc", ["run", "--bundle", bundle, id], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, output, seconds: (performance.now() - started) / 1000 }));
  });
}

function configOf(
  environment: Environment,
  root: string,
  directory: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): object {
  const { uid, capabilities, noNewPrivileges, maskedProc, userNamespace, seccomp } = environment;
  // Of a user that is not root only what may be gained is set.
  const sets = uid === 0 ? ["bounding", "permitted", "effective"] : ["bounding"];
  const mapping = [{ containerID: 0, hostID: SHIFT, size: 65_536 }];
  const home = uid === 0 ? "/root" : "/work";
  const bind = (source: string, destination: string, ...options: string[]): object => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", ...options],
  });
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid, gid: uid },
      args: argv,
      env: Object.entries({ PATH: SYSTEM_PATH, HOME: home, ...env }).map(([name, value]) => `${name}=${value}`),
      cwd: "/work",
      capabilities: Object.fromEntries(sets.map((set) => [set, capabilities])),
      noNewPrivileges,
    },
    root: { path: root },
    hostname: "ci",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      ...CONTAINER_MOUNTS,
      // A sysfs of its own takes a network of its own.
      bind("/sys", "/sys", "nosuid", "noexec", "nodev", "ro"),
      bind(CHECKOUT, "/repo", "ro", "nosuid"),
      bind(join(directory, "resolv.conf"), "/etc/resolv.conf", "ro"),
      bind(join(directory, "hosts"), "/etc/hosts", "ro"),
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount", "cgroup", ...(userNamespace ? ["user"] : [])].map((type) => ({
        type,
      })),
      ...(userNamespace && { uidMappings: mapping, gidMappings: mapping }),
      ...(seccomp === "docker" && { seccomp: seccompOf(capabilities) }),
      maskedPaths: maskedProc ? MASKED_PATHS : [],
      readonlyPaths: maskedProc ? READONLY_PATHS : [],
      resources: { devices: DEVICES },
    },
  };
}

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const CONTAINER_MOUNTS = [
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
];

/** As Docker has it: nodes may be made of any device, and a few be opened. */
const DEVICES = [
  { allow: false, access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[3, 5, 7, 8, 9].map((minor) => ({ allow: true, type: "c", major: 1, minor, access: "rwm" })),
  ...[0, 2].map((minor) => ({ allow: true, type: "c", major: 5, minor, access: "rwm" })),
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/** What a container left behind: files below the directories where anything temporary goes, from outside. */
export function leftIn({ root }: Container): readonly string[] {
  const places = [
    "tmp",
    "var/tmp",
    "dev/shm",
    "work/.local/share/manyarch/sessions",
    "root/.local/share/manyarch/sessions",
  ];
  return places.flatMap((place) => {
    const path = join(root, place);
    return existsSync(path) ? readdirSync(path).map((name) => join(place, name)) : [];
  });
}
