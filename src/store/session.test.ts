import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProcessLock } from "./process-lock.ts";
import { joinStore, openStore } from "./store.ts";

const STORE = JSON.stringify(new URL("store.ts", import.meta.url).href);
const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const asRoot = test.skipIf(process.getuid?.() !== 0);
let root: string;
let notes: string[];
const holders: ReturnType<typeof spawn>[] = [];

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), "session-")), "store");
  notes = [];
});
afterEach(() => {
  for (const child of holders.splice(0)) child.kill("SIGKILL");
  rmSync(join(root, ".."), { recursive: true, force: true });
});

function open(): ReturnType<typeof openStore> {
  return openStore(root, { onNote: (code) => notes.push(code) });
}

function sessions(): readonly string[] {
  return readdirSync(join(root, "sessions"));
}

/** A build that makes files in its session and then waits. Prints the session's directory. */
function holder(prefix: readonly string[] = []): ReturnType<typeof spawn> {
  const program = `
    import { openStore } from ${STORE};
    import { writeFileSync } from "node:fs";
    const session = openStore(${JSON.stringify(root)}).session();
    writeFileSync(session.tempPath("file"), "x");
    console.log(session.directory);
    setInterval(() => {}, 1000);`;
  const [command = "", ...args] = [...prefix, process.execPath, "--input-type=module-typescript", "-e", program];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  holders.push(child);
  return child;
}

async function killed(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Ends the holder and its guardian, as the end of a container does. */
async function killedWithGuardian(child: ReturnType<typeof spawn>): Promise<void> {
  const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], { encoding: "utf8" })
    .stdout.trim()
    .split(/\s+/);
  for (const pid of children) process.kill(Number(pid), "SIGKILL");
  await killed(child);
}

async function empty(within: number): Promise<boolean> {
  for (const end = Date.now() + within; Date.now() < end && sessions().length > 0;)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return sessions().length === 0;
}

test("temporary files are the session's and go with it", async () => {
  const session = open().session();
  const paths = [session.tempPath("a"), session.tempPath("a"), joinStore(root, session.directory).temp.tempPath("a")];
  expect(new Set(paths).size).toBe(3);
  for (const path of paths) mkdirSync(path);
  expect(paths.every((path) => path.startsWith(`${join(root, "sessions")}/`))).toBe(true);
  await session.close();
  await session.close();
  expect(sessions()).toEqual([]);
});

test("several sessions at once, of one process and of others, are left alone", async () => {
  const store = open();
  const [one, two] = [store.session(), store.session()];
  const child = holder();
  const [directory] = (await once(child.stdout!, "data")) as [Buffer];
  expect(open().orphans).toEqual([]);
  expect(sessions()).toHaveLength(6);
  expect(existsSync(one.directory) && existsSync(two.directory) && existsSync(directory.toString().trim())).toBe(true);
  await killed(child);
  expect(existsSync(two.directory)).toBe(true);
  await one.close();
  await two.close();
  expect(await empty(1000)).toBe(true);
});

test("a killed build leaves nothing within a second", async () => {
  const child = holder();
  await once(child.stdout!, "data");
  expect(sessions()).toHaveLength(2);
  await killed(child);
  expect(await empty(1000)).toBe(true);
});

test("what no guardian removed the next opening does", async () => {
  const child = holder();
  const [directory] = (await once(child.stdout!, "data")) as [Buffer];
  await killedWithGuardian(child);
  expect(existsSync(directory.toString().trim())).toBe(true);
  expect(open().orphans).toEqual([]);
  expect(sessions()).toEqual([]);
});

test("leavings of every kind are reaped, other names are not ours", () => {
  open();
  const at = (name: string): string => join(root, "sessions", name);
  mkdirSync(at("0123456789abcdef/sub"), { recursive: true });
  writeFileSync(at("00000000000000aa.lock"), "");
  mkdirSync(at("11111111111111aa"));
  writeFileSync(at("11111111111111aa.lock"), "garbage, not a database");
  writeFileSync(at("notes.txt"), "");
  open();
  expect(sessions()).toEqual(["notes.txt"]);
});

asRoot("what this user may not remove is reported, and goes when somebody else removed it", () => {
  spawnSync("chown", ["65534:65534", join(root, "..")]);
  chmodSync(join(root, ".."), 0o755);
  const program = `
    import { openStore } from ${STORE};
    const notes = [];
    const store = openStore(${JSON.stringify(root)}, { onNote: (code) => notes.push(code) });
    console.log(JSON.stringify({ orphans: store.orphans, notes }));`;
  const openAsNobody = (): unknown => {
    const [command = "", ...args] = [...nobody, process.execPath, "--input-type=module-typescript", "-e", program];
    const result = spawnSync(command, args, { encoding: "utf8" });
    expect(result.stderr).toBe("");
    return JSON.parse(result.stdout);
  };
  expect(openAsNobody()).toEqual({ orphans: [], notes: [] });
  const orphan = join(root, "sessions/0123456789abcdef");
  // As a RUN does, as a user id that only the user namespace knows.
  mkdirSync(join(orphan, "work/work"), { recursive: true, mode: 0o700 });
  writeFileSync(join(orphan, "work/file"), "");
  spawnSync("chown", ["65534", orphan]);
  expect(openAsNobody()).toEqual({ orphans: [orphan], notes: ["SESSION_ORPHANED"] });
  expect(openAsNobody()).toEqual({ orphans: [orphan], notes: ["SESSION_ORPHANED"] });
  rmSync(orphan, { recursive: true });
  expect(openAsNobody()).toEqual({ orphans: [], notes: [] });
  expect(sessions()).toEqual([]);
});

const strace = spawnSync("strace", ["-V"]).status === 0;

test.skipIf(!strace)("a lock whose name was taken away while it was got is no lock", async () => {
  open();
  const path = join(root, "sessions/lock");
  const program = `
    import { ProcessLock } from ${JSON.stringify(new URL("process-lock.ts", import.meta.url).href)};
    console.log(ProcessLock.take(${JSON.stringify(path)}) === undefined);`;
  // Between opening and locking there is a second.
  const slow = [
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-P",
    path,
    "-e",
    "trace=fcntl",
    "-e",
    "inject=fcntl:delay_enter=1000000",
  ];
  const node = [process.execPath, "--input-type=module-typescript", "-e", program];
  const child = spawn("strace", [...slow, ...node], { stdio: ["ignore", "pipe", "inherit"] });
  holders.push(child);
  const said = once(child.stdout, "data");
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
  rmSync(path);
  expect(String(await said)).toBe("true\n");
});

test("a lock is held by one at a time", () => {
  open();
  const path = join(root, "sessions/lock");
  const lock = ProcessLock.take(path);
  expect(lock).toBeDefined();
  expect(ProcessLock.take(path)).toBeUndefined();
  lock?.release();
  lock?.release();
  const again = ProcessLock.take(path);
  expect(again).toBeDefined();
  again?.release();
});
