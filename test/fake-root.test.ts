import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ContainerEnd } from "../src/sandbox/container.ts";
import { DiskNode } from "../src/snapshot/disk-node.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { findProgram, runTool } from "./bed/process.ts";
import { unpackImage } from "./fake-root/image-root.ts";
import type { Task } from "./fake-root/program.ts";
import { RESTRICTED_UID, missingForContainers, runRestricted } from "./fake-root/restricted-container.ts";

const missing = missingForContainers();
if (missing !== undefined) console.warn(`fake root tests are skipped: ${missing}`);
const all = process.env["MANYARCH_TEST_ALL"] === "1";
const qemu = findProgram("qemu-aarch64-static");
const program = fileURLToPath(new URL("fake-root/program.ts", import.meta.url));
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const syscalls = { ...loadSyscalls(), keepsMetadata: true };

interface Ran {
  readonly output: string;
  readonly end: ContainerEnd | undefined;
  readonly said: string;
}

describe.skipIf(missing !== undefined)("a RUN as uid 1000, without capabilities, in Docker's seccomp profile", () => {
  let place: string;
  let count = 0;

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), "manyarch-fake-root-"));
    chownSync(place, RESTRICTED_UID, RESTRICTED_UID);
    unpackImage("debian", "bookworm-slim", "amd64", join(place, "amd64"), RESTRICTED_UID);
    unpackImage("busybox", "latest", "arm64", join(place, "arm64"), RESTRICTED_UID);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  const run = (
    script: string,
    more: Partial<Task> & { readonly user?: number; readonly argv?: string[] } = {},
  ): Ran => {
    const { user = 0, argv = ["/bin/sh", "-c", script], ...rest } = more;
    const request = { argv, env: [PATH, "HOME=/root"], cwd: "/", uid: user, gid: user, groups: [user] };
    const task: Task = { root: join(place, "amd64"), ...rest, request };
    const file = join(place, `task-${count++}`);
    writeFileSync(file, JSON.stringify(task));
    const { stdout, stderr } = runRestricted(place, [process.execPath, program, file]);
    let end: ContainerEnd | undefined;
    try {
      end = JSON.parse(readFileSync(`${file}.end`, "utf8")) as ContainerEnd;
    } catch {
      end = undefined;
    }
    return { output: stdout, end, said: stderr };
  };
  const node = (path: string): DiskNode => {
    const host = join(place, "amd64", path);
    return new DiskNode(host, lstatSync(host, { bigint: true }), { syscalls });
  };

  test("owners, modes and devices are what was asked for, to the RUN and to the layer", () => {
    const { output, said, end } = run(`set -e; mkdir /owners; cd /owners
      touch file; chown 33:34 file; stat -c '%u:%g %a' file
      install -o 5 -g 6 -m 4755 /bin/true setuid; stat -c '%u:%g %a' setuid
      mkdir -p tree/below; chown -R 7:8 tree; stat -c '%u:%g' tree/below
      ln -s file link; chown -h 9:9 link; mv link moved; stat -c '%u:%g' moved
      mknod null c 1 3; stat -c '%F %t,%T' null
      chmod 0 file; echo written > file; stat -c %a file`);
    expect({ said, end: end?.exitCode }).toEqual({ said: "", end: 0 });
    expect(output.trim().split("\n")).toEqual([
      "33:34 644",
      "5:6 4755",
      "7:8",
      "9:9",
      "character special file 1,3",
      "0",
    ]);
    expect(node("owners/file")).toMatchObject({ uid: 33, gid: 34, mode: 0 });
    expect(node("owners/setuid")).toMatchObject({ uid: 5, gid: 6, mode: 0o4755 });
    expect(node("owners/tree/below")).toMatchObject({ uid: 7, gid: 8, mode: 0o755 });
    expect(node("owners/moved")).toMatchObject({ uid: 9, gid: 9 });
    expect(node("owners/null")).toMatchObject({ type: "char", major: 1, minor: 3 });
  });

  test("tar, cp and hard links keep them", () => {
    const { output, said } = run(`set -e; mkdir /from; cd /from
      touch a; chown 11:12 a; chmod 2755 a; ln a b; mknod dev b 7 9; ln -s a l; chown -h 13:14 l
      tar cf /tmp/x.tar .; mkdir /to; tar xpf /tmp/x.tar -C /to; cp -a /to /copy; cd /copy
      stat -c '%n %u:%g %a %h' a; stat -c '%n %u:%g' l; stat -c '%F' dev
      echo > plain; chown 15:16 plain; chmod 640 plain; cp -a plain same; stat -c '%u:%g %a' same`);
    expect(said).toBe("");
    expect(output.trim().split("\n")).toEqual(["a 11:12 2755 2", "l 13:14", "block special file", "15:16 640"]);
  });

  test("what another user makes is his", () => {
    const { output, said } = run(`set -e; useradd -m -u 1234 bob; chmod 755 /home/bob
      su bob -c 'id -u; touch ~/mine; mkdir ~/d; ln -s x ~/l; chown 0 ~/mine 2>/dev/null || echo refused'
      stat -c '%u' /home/bob/mine /home/bob/d /home/bob/l`);
    expect(said).toBe("");
    expect(output.trim().split("\n")).toEqual(["1234", "refused", "1234", "1234", "1234"]);
    const asUser = run(`id -u; touch /tmp/by-user; stat -c %u /tmp/by-user`, { user: 77 });
    expect(asUser.output.trim().split("\n")).toEqual(["77", "77"]);
    const former = run(
      "setpriv --reuid 5 --regid 6 --clear-groups sh -c 'id -u; id -G; chown 0 /tmp/by-user || echo refused' 2>&1",
    );
    expect(former.output.trim().split("\n")).toEqual(["5", "6", expect.stringMatching(/^chown/), "refused"]);
  });

  test("a later RUN sees what an earlier one said", () => {
    run("touch /said; chown 21:22 /said");
    expect(run("stat -c %u:%g /said").output).toBe("21:22\n");
    run("rm /said; touch /said");
    expect(run("stat -c %u:%g /said").output).toBe("0:0\n");
  });

  test("dpkg installs a package that is another user's", () => {
    const { output, said, end } = run(`set -e; mkdir -p /p/DEBIAN /p/opt/p; cd /p; echo data > opt/p/data
      printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@example.org>\\nDescription: d\\n' > DEBIAN/control
      printf '#!/bin/sh\\nchown 33:33 /opt/p/data\\nchmod 4750 /opt/p/data\\n' > DEBIAN/postinst; chmod 755 DEBIAN/postinst
      dpkg-deb --build /p /p.deb > /dev/null; dpkg -i /p.deb > /dev/null; stat -c '%u:%g %a' /opt/p/data`);
    expect({ said: said.replace(/^debconf:.*\n/gm, ""), end: end?.exitCode }).toMatchObject({ end: 0 });
    expect(output).toBe("33:33 4750\n");
  });

  test("the paths are those of the image", () => {
    const { output, said } =
      run(`cd /usr/share/..; pwd; /bin/pwd; cat /etc/hosts; readlink /proc/self/exe /proc/self/cwd
      ls / | grep -c '^amd64$'; ls -d /../../bin; test -e ${place} || echo hidden; cat /proc/self/root/etc/debian_version`);
    expect(said).toBe("");
    const lines = output.trim().split("\n");
    expect(lines.slice(0, 7)).toEqual([
      "/usr",
      "/usr",
      "127.0.0.1 localhost",
      "/usr/bin/readlink",
      "/usr",
      "0",
      "/../../bin",
    ]);
    expect(lines[7]).toBe("hidden");
  });

  test("output can be opened again, and nothing of the builder's", () => {
    writeFileSync(join(place, "outside"), "canary");
    const { output, said } = run(`echo out > /dev/stdout; echo err > /dev/stderr; echo x > /dev/null
      exec 3< /etc/passwd; cat /proc/self/fd/3 | head -c 4; cat ${place}/outside; cd ${place}; ln -s ${place}/outside l; cat l`);
    expect(output).toBe("out\nroot");
    expect(said.split("\n")[0]).toBe("err");
    expect(said).not.toMatch(/canary/);
  });

  test.each([
    ["a code", "exit 7", 7],
    ["a signal", "kill -TERM $$", 143],
    ["an abort", "kill -ABRT $$", 134],
  ])("%s is passed on", (_, script, code) => {
    expect(run(script).end?.exitCode).toBe(code);
  });

  test("what cannot be started is told as runtimes do", () => {
    expect(run("", { argv: ["no-such-program"] }).end?.complaint).toMatch(/exec: no-such-program: no such file/);
    expect(run("", { argv: ["/etc/passwd"] }).end?.complaint).toMatch(/permission denied/);
    run("printf garbage > /garbage; chmod +x /garbage");
    expect(run("", { argv: ["/garbage"] })).toMatchObject({
      end: { stderrTail: expect.stringMatching(/exec format error/) as string },
    });
  });

  test("nothing outlives the first process, nor a cancelled one", () => {
    expect(run("setsid sleep 1000 & (trap '' TERM; sleep 1000) & echo ended").output).toBe("ended\n");
    const start = performance.now();
    const cancelled = run("setsid sleep 1000 & sleep 1000", { cancelAfter: 1500 });
    expect(cancelled.said).toMatch(/cancelled/);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  test("nothing outlives a builder that is killed", async () => {
    const request = { argv: ["sh", "-c", "setsid sleep 4711 & echo started; sleep 4711"], env: [PATH], cwd: "/" };
    const file = join(place, "task-killed");
    const task: Task = { root: join(place, "amd64"), request: { ...request, uid: 0, gid: 0, groups: [] } };
    writeFileSync(file, JSON.stringify(task));
    const ids = [`--reuid=${RESTRICTED_UID}`, `--regid=${RESTRICTED_UID}`, "--clear-groups"];
    const builder = spawn("setpriv", [...ids, process.execPath, program, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(builder.stdout, "data");
    const left = (): string =>
      runTool("sh", ["-c", 'pgrep -u "$1" -a "^sleep$" || test $? = 1', "sh", String(RESTRICTED_UID)]);
    try {
      await expect.poll(left, { timeout: 20_000 }).toMatch(/4711[^]*4711/);
    } finally {
      builder.kill("SIGKILL");
    }
    await once(builder, "exit");
    await expect.poll(left, { timeout: 5000 }).not.toMatch(/4711/);
  });

  test("the builder's processes are closed to it", () => {
    const { output } = run(`for p in $(cd /proc; ls -d [0-9]* | sort -n | head -6); do
        cat /proc/$p/environ 2>/dev/null | tr '\\0' '\\n' | grep CANARY; kill -0 $p 2>/dev/null && test $p -lt 5 && echo reached $p
      done; ls /proc/1/fd 2>/dev/null; env | grep CANARY; echo done`);
    expect(output).toBe("done\n");
  });

  test("programs of another architecture run by an emulator, with the same owners", (context) => {
    if (qemu === undefined) context.skip("no qemu-aarch64-static");
    const script = `uname -m; cd /tmp; echo '#!/bin/busybox sh' > s; echo 'echo script $1' >> s; chmod +x s; ./s x
      touch f; chown 33:34 f; stat -c %u:%g f; ln f g; stat -c '%h' g; id -u`;
    const { output, said } = run(script, { root: join(place, "arm64"), emulators: { arm64: qemu ?? "" } });
    expect(said).toBe("");
    expect(output.trim().split("\n")).toEqual(["aarch64", "script x", "33:34", "2", "0"]);
  });

  test.skipIf(!all)("apt-get installs", { timeout: 300_000 }, () => {
    const { output, end } = run(
      "apt-get update && apt-get install -y --no-install-recommends cron; stat -c '%u:%g %a' /usr/bin/crontab",
    );
    expect({ last: output.trim().split("\n").at(-1), code: end?.exitCode }).toEqual({
      last: expect.stringMatching(/^0:\d+ 2755$/) as string,
      code: 0,
    });
  });
});
