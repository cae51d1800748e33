import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startGuardian } from "./guardian.ts";

const MODULE = JSON.stringify(new URL("guardian.ts", import.meta.url).href);
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "guardian-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function make(name: string): string {
  const path = join(base, name);
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "sub/file"), "");
  return path;
}

async function gone(path: string, within: number): Promise<boolean> {
  for (const end = Date.now() + within; Date.now() < end;) {
    if (!existsSync(path)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return !existsSync(path);
}

/** A zombie is dead: whoever adopted it has only not looked yet. */
function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("close removes its paths and ends it", async () => {
  const paths = [make("a -rf $(x)"), make("-b"), make("c")];
  const guardian = startGuardian(paths);
  const { pid } = guardian;
  expect(pid).toBeDefined();
  expect(paths.every((path) => existsSync(path))).toBe(true);
  await guardian.close();
  await guardian.close();
  expect(paths.some((path) => existsSync(path))).toBe(false);
  expect(alive(pid ?? 0)).toBe(false);
});

test("a link is removed, not what it points to", async () => {
  const kept = make("kept");
  const path = make("removed");
  symlinkSync(kept, join(path, "link"));
  await startGuardian([path]).close();
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(kept, "sub/file"))).toBe(true);
});

test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("removes them when its process is ended by %s", async (signal) => {
  const path = make("held");
  const program = `import { startGuardian } from ${MODULE}; const g = startGuardian([${JSON.stringify(path)}]); console.log(g.pid); setInterval(() => {}, 1000);`;
  // A process group of its own, all of which gets the signal, as with Ctrl-C.
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  process.kill(-(child.pid ?? 0), signal);
  await once(child, "exit");
  expect(await gone(path, 1000)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(alive(Number(said.toString()))).toBe(false);
});

test("does not keep its process alive, and cleans up after a normal end", async () => {
  const path = make("held");
  const program = `import { startGuardian } from ${MODULE}; startGuardian([${JSON.stringify(path)}]);`;
  const result = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program], {
    timeout: 5000,
    encoding: "utf8",
  });
  expect(result.status).toBe(0);
  expect(await gone(path, 1000)).toBe(true);
});

test("a directory closed to its owner is removed too", async () => {
  const path = make("held");
  chmodSync(join(path, "sub"), 0o500);
  chmodSync(path, 0o000);
  const user = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  if (user.length > 0) {
    spawnSync("chown", ["-R", "65534:65534", base]);
    chmodSync(base, 0o755);
  }
  const program = `import { startGuardian } from ${MODULE}; await startGuardian([${JSON.stringify(path)}]).close();`;
  const [command = "", ...args] = [...user, process.execPath, "--input-type=module-typescript", "-e", program];
  expect(spawnSync(command, args, { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync(path)).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)("one that cannot be started is an error", () => {
  const program = `
    import { startGuardian } from ${MODULE};
    try { startGuardian(["/x"]) } catch (error) { console.log(error.code) }`;
  const script = 'mount --bind /dev/null /bin/sh && exec "$@"';
  const node = [process.execPath, "--input-type=module-typescript", "-e", program];
  const { stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", ...node], { encoding: "utf8" });
  expect([stderr, stdout]).toEqual(["", "GUARDIAN_FAILED\n"]);
});
