import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runTool } from "./bed/process.ts";
import { missingBusybox } from "./worker/busybox-root.ts";
import type { Control } from "./worker/control.ts";
import { TestStore } from "./worker/control.ts";
import { syscallProbe } from "./worker/syscall-probe.ts";
import { EACH, skipped } from "./worker/who.ts";
import { makeBrokenCrun } from "./support/broken-crun.ts";

/** CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP */
const CAPABILITIES = "00000000a80425fb";

/** What BuildKit masks. */
const MASKED = `/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats
  /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap`.split(/\s+/);

const EPERM = 1;
const ENOSYS = 38;
const CLONE_NEWUSER = 0x10000000;

/** Programs that make one system call of amd64 and exit with its errno. */
const PROBES: Readonly<Record<string, Buffer>> = {
  unshare: syscallProbe(272, CLONE_NEWUSER),
  "clone-newuser": syscallProbe(56, CLONE_NEWUSER | 17),
  mount: syscallProbe(165, 0, 0, 0),
  bpf: syscallProbe(321, 0, 0, 0),
  keyctl: syscallProbe(250, 0, 0, 0),
  clone3: syscallProbe(435, 0, 0),
  "af-alg": syscallProbe(41, 38, 5, 0),
  "af-vsock": syscallProbe(41, 40, 1, 0),
  "af-inet": syscallProbe(41, 2, 1, 0),
  "personality-odd": syscallProbe(135, 0x40000),
  getpid: syscallProbe(39),
};

const cases = EACH.flatMap((who) => (["runtime", "namespace"] as const).map((rung) => ({ name: who.name, who, rung })));

const isSkipped = skipped("sandbox tests", missingBusybox());

describe.skipIf(isSkipped).each(cases)("a RUN of $name on the rung $rung", ({ who, rung }) => {
  let store: TestStore;
  let control: Control;

  beforeAll(async () => {
    store = new TestStore(who);
    control = await store.control({
      env: { CANARY: "of the machine" },
      careless: true,
      sandbox: { forced: rung },
    });
    store.adoptBusybox("base", (base) => {
      for (const [name, probe] of Object.entries(PROBES))
        writeFileSync(join(base, `probe-${name}`), probe, { mode: 0o755 });
    });
  });
  afterAll(async () => {
    await control?.close();
    store?.remove();
  });

  test("has 14 capabilities, none of them inheritable, and may gain what setuid gives", async () => {
    const { stdout } = await control.run("grep -E '^(Cap|NoNewPrivs|Seccomp):?' /proc/self/status");
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.replace(/\s+/, " ")),
    ).toEqual([
      "CapInh: 0000000000000000",
      `CapPrm: ${CAPABILITIES}`,
      `CapEff: ${CAPABILITIES}`,
      `CapBnd: ${CAPABILITIES}`,
      "CapAmb: 0000000000000000",
      "NoNewPrivs: 0",
      "Seccomp: 2",
      "Seccomp_filters: 1",
    ]);
  });

  test("of another user has no capabilities but gains root by a setuid program", async () => {
    await control.run("rm /bin/su; cp /bin/busybox /bin/su; chmod 4755 /bin/su", { id: "setuid" });
    // By its path: the shell has an su of its own.
    const { stdout } = await control.run("grep CapEff /proc/self/status; id -u; /bin/su root -c 'id -u'", {
      parents: ["base", "setuid"],
      user: "app",
    });
    expect(stdout.replace(/\t/g, " ")).toBe("CapEff: 0000000000000000\n1000\n0\n");
  });

  test("has pid, mount, ipc, uts and cgroup namespaces of its own and the machine's network", async () => {
    const { stdout } = await control.run(
      "for n in pid mnt ipc uts cgroup net; do readlink /proc/self/ns/$n; done; hostname",
    );
    const [pid, mnt, ipc, uts, cgroup, net, hostname] = stdout.trim().split("\n");
    const ours = (name: string): string => readlinkSync(`/proc/self/ns/${name}`);
    expect([pid, mnt, ipc, uts, cgroup]).not.toContain(undefined);
    for (const [name, found] of Object.entries({ pid, mnt, ipc, uts, cgroup }))
      expect(found, name).not.toBe(ours(name));
    expect(net).toBe(ours("net"));
    expect(hostname).toBe("manyarch");
  });

  test("with --network=none has a loopback device, up, and no other", async () => {
    const { stdout } = await control.run(
      "ip -o link | sed 's/:.*<\\(.*\\)>.*/ \\1/'; tail -n +3 /proc/net/dev | cut -d: -f1",
      { network: "none" },
    );
    expect(stdout.trim().split(/\s+/)).toEqual(["1", "LOOPBACK,UP,LOWER_UP", "lo"]);
  });

  test("CVE-2023-25809: cannot read what is masked nor write what is read-only", async () => {
    const masked = await control.run(
      `for p in ${MASKED.join(" ")}; do [ -d $p ] && ls -A $p; [ -f $p ] && cat $p; done; true`,
    );
    expect(masked).toMatchObject({ stdout: "", stderr: "" });
    const script =
      "for p in /proc/sys/kernel/printk /proc/sysrq-trigger /sys/kernel/x /sys/fs/cgroup/x /etc/hosts /etc/resolv.conf; do (echo 1 > $p) 2>&1; done";
    const { stdout } = await control.run(script);
    const lines = stdout.trim().split("\n");
    expect(lines.length).toBe(6);
    for (const line of lines) expect(line).toMatch(/Read-only file system|nonexistent directory|Permission denied/);
    expect(lines.filter((line) => line.includes("Read-only file system")).length).toBeGreaterThanOrEqual(4);
  });

  test.skipIf(process.arch !== "x64" || rung !== "runtime")("has its system calls filtered", async () => {
    const answers: Record<string, number> = {};
    for (const name of Object.keys(PROBES))
      answers[name] = (await control.run("", { argv: [`/probe-${name}`] })).error?.exitCode ?? 0;
    expect(answers).toEqual({
      unshare: EPERM,
      "clone-newuser": EPERM,
      mount: EPERM,
      bpf: EPERM,
      keyctl: EPERM,
      clone3: ENOSYS,
      "af-alg": EPERM,
      "af-vsock": EPERM,
      "af-inet": 0,
      "personality-odd": EPERM,
      getpid: 0,
    });
  });

  test("sees no descriptor and no variable of the machine's", async () => {
    const { stdout } = await control.run(
      "ls /proc/self/fd; env | sort; cat /proc/1/environ | tr '\\0' '\\n' | grep -c CANARY",
    );
    expect(
      stdout
        .replace(/^SHLVL=.*\n/m, "")
        .trim()
        .split("\n"),
    ).toEqual(["0", "1", "2", "3", "HOME=/root", "PATH=/bin", "PWD=/", "0"]);
    const leaked = await control.run("pwd", { cwd: "/proc/self/fd/200" });
    expect(leaked.error?.code).toMatch(/RUN_FAILED|SANDBOX_FAILED/);
  });

  test("leaves in its layer what it wrote and nothing else", async () => {
    const { ok } = await control.run(
      "cat /etc/hosts /etc/resolv.conf > /dev/null; echo x > /opt; ls /dev/pts /dev/shm /proc/self >/dev/null",
      { id: "wrote" },
    );
    expect(ok).toBe(null);
    expect(store.listing("wrote")).toEqual(["opt"]);
    await control.run("true", { id: "nothing" });
    expect(store.listing("nothing")).toEqual([]);
  });

  test("leaves no stub behind where it touches what is beside one", async () => {
    await control.run("echo x > /etc/new; rm -f /etc/hosts /etc/resolv.conf; mkdir /run", { id: "beside" });
    expect(store.listing("beside")).toEqual(["etc", "etc/new", "run"]);
    await control.run("mv /etc/group /etc/groups; rm -rf /etc 2>/dev/null; ls /etc > /left", { id: "emptied" });
    expect(store.read("emptied", "left")).toBe("hosts\nresolv.conf\n");
    expect(store.listing("emptied")).toEqual(["etc", "etc/group", "etc/passwd", "left"]);
  });

  test("writes to /dev/stdout and /dev/stderr as any user", async () => {
    for (const name of ["", "app"]) {
      const outcome = await control.run("echo out > /dev/stdout; echo err > /dev/stderr", { user: name });
      expect(outcome).toMatchObject({ stdout: "out\n", stderr: "err\n", ok: null });
    }
  });

  test.each([
    ["", "0:0:0"],
    ["root", "0:0:0"],
    ["app", "1000:1001:1001 29 44"],
    ["1000", "1000:1001:1001 29 44"],
    ["1000:1000", "1000:1000:1000"],
    ["app:audio", "1000:29:29"],
    ["4711", "4711:0:0"],
  ])("CVE-2022-36109: as USER %j is %s", async (name, expected) => {
    const { stdout } = await control.run("echo $(id -u):$(id -g):$(id -G)", { user: name });
    expect(stdout.trim()).toBe(expected);
  });

  test.each([
    ["nobody-knows", "OWNER_UNKNOWN"],
    ["4294967296", "OWNER_INVALID"],
    [":audio", "OWNER_INVALID"],
  ])("CVE-2024-40635: is refused as USER %j", async (name, code) => {
    expect((await control.run("true", { user: name })).error?.code).toBe(code);
  });

  test("CVE-2026-55686: finds its working directory made where it is missing, and links followed inside the image only", async () => {
    const { stdout } = await control.run("pwd; stat -c %u /new/dir", { cwd: "/new/dir", user: "app" });
    expect(stdout).toBe("/new/dir\n1000\n");
    const outside = await control.run("rm -rf /escape; ln -s ../../../../.. /escape", { id: "escape" });
    expect(outside.ok).toBe(null);
    const followed = await control.run("pwd -P; ls /made", {
      parents: ["base", "escape"],
      cwd: "/escape/made",
      id: "escaped",
    });
    expect(followed.stdout).toBe("/made\n");
    expect(store.listing("escaped")).toEqual(["made"]);
  });

  test("ends with its first process, whatever that left in the background", async () => {
    const marker = `sleep 4${process.pid % 1000}${who.uid}`;
    const { ok } = await control.run(`${marker} & trap '' TERM; true`);
    expect(ok).toBe(null);
    expect(
      runTool("ps", ["-eo", "args"])
        .split("\n")
        .filter((line) => line.includes(marker)),
    ).toEqual([]);
  });

  test.skipIf(rung !== "runtime")("ends with its runtime, should that be killed", async () => {
    const marker = `sleep 5${process.pid % 1000}${who.uid}`;
    const runtimes = (): readonly number[] =>
      runTool("ps", ["-ww", "-eo", "pid,args"])
        .split("\n")
        .filter((line) => line.includes(`${store.root}/sessions/`) && / run --bundle /.test(line))
        .map((line) => Number.parseInt(line, 10));
    const outcome = await control.run(`echo ready; ${marker}; ${marker}`, { id: "orphaned" }, () => {
      for (const pid of runtimes()) process.kill(pid, "SIGKILL");
    });
    expect(outcome.error).toMatchObject({ code: "SANDBOX_FAILED", message: expect.stringContaining("SIGKILL") });
    expect(runTool("ps", ["-eo", "args"])).not.toContain(`\n${marker}`);
    expect(store.has("orphaned")).toBe(false);
    expect(await control.run("true")).toMatchObject({ ok: null });
  });

  test("runs beside others", async () => {
    const all = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => control.run(`echo ${n} > /n; sleep 0.2; cat /n; ls / | wc -l`)),
    );
    const { stdout } = await control.run("touch /n; ls / | wc -l");
    expect(all.map((one) => one.stdout)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${n}\n${stdout}`));
  });

  test.each(["mkfifo /etc/passwd", "truncate -s 10G /etc/passwd", "ln -s /proc/self/mem /etc/passwd; mkdir -p /proc"])(
    "CVE-2026-47262: does not wait for a user database made by %j",
    async (script) => {
      const id = `users-${crypto.randomUUID()}`;
      await control.run(`rm /etc/passwd; ${script}`, { id });
      const began = Date.now();
      const { error } = await control.run("true", { parents: ["base", id], user: "app" });
      expect(error?.code).toMatch(/TREE_FILE_INVALID|OWNER_UNKNOWN/);
      expect(Date.now() - began).toBeLessThan(2000);
    },
  );

  test("on a base with links in place of what is mounted over touches nothing outside", async () => {
    const victim = join(store.directory, "victim");
    mkdirSync(join(victim, "etc"), { recursive: true });
    store.adoptBusybox("hostile", (root) => {
      rmSync(join(root, "etc"), { recursive: true });
      for (const name of ["proc", "sys", "dev", "etc"])
        symlinkSync(name === "etc" ? join(victim, "etc") : victim, join(root, name));
    });
    const { stdout, error } = await control.run(
      "ls -d /proc/1 /dev/null /sys/class; cat /etc/hosts | wc -l; echo made > /made",
      { parents: ["hostile"], id: "survived" },
    );
    expect(error).toBeUndefined();
    expect(stdout).toMatch(/^\/dev\/null\n\/proc\/1\n\/sys\/class\n\d+\n$/);
    expect(readdirSync(victim, { recursive: true })).toEqual(["etc"]);
    expect(store.listing("survived")).toEqual(["made"]);
  });

  test("refuses a directory where a file is mounted over", async () => {
    const odd = join(store.directory, "odd");
    mkdirSync(join(odd, "etc/hosts"), { recursive: true });
    store.adopt("odd", odd);
    expect((await control.run("true", { parents: ["base", "odd"] })).error).toMatchObject({
      code: "SANDBOX_MOUNT_POINT",
    });
    expect(await control.run("true")).toMatchObject({ ok: null });
  });

  test.skipIf(rung !== "runtime")("is the same by runc, where crun does not work", async () => {
    const programs = makeBrokenCrun(join(store.directory, "programs"));
    const second = await store.control({ env: { PATH: `${programs}:${process.env["PATH"]}` } });
    try {
      expect((await second.run("chmod 777 /", { id: "roomy" })).error).toBeUndefined();
      const { stdout, error } = await second.run(
        "grep CapEff /proc/self/status; id -G; echo x > /x; ls /sys/fs/cgroup | grep -c cgroup.procs",
        {
          id: "by-runc",
          user: "app",
          parents: ["base", "roomy"],
        },
      );
      expect({ stdout, error }).toEqual({ stdout: "CapEff:\t0000000000000000\n1001 29 44\n1\n", error: undefined });
      expect(store.listing("by-runc")).toEqual(["x"]);
      expect((await second.run("", { argv: ["/probe-af-alg"] })).error?.exitCode).toBe(
        process.arch === "x64" ? EPERM : 126,
      );
      expect(
        (await second.run("ls /dev/null > /made", { parents: ["hostile"], id: "by-runc-hostile" })).error,
      ).toBeUndefined();
      expect(store.listing("by-runc-hostile")).toEqual(["made"]);
      expect(readdirSync(join(store.directory, "victim"), { recursive: true })).toEqual(["etc"]);
      expect((await second.run("exit 4")).error).toMatchObject({ code: "RUN_FAILED", exitCode: 4 });
    } finally {
      await second.close();
    }
  });

  test("trusts the machine's authorities for the run only", async () => {
    const pem = (name: string): string =>
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(name).toString("base64")}\n-----END CERTIFICATE-----`;
    const bundle = join(store.directory, "ca.pem");
    writeFileSync(bundle, `${pem("machine")}\n`, { mode: 0o644 });
    const script = `mkdir -p /etc/ssl/certs; printf '%s\\n' '${pem("image")}' > /etc/ssl/certs/ca-certificates.crt`;
    await control.run(script, { id: "own-roots" });
    const { stdout } = await control.run(
      "cat $SSL_CERT_FILE; echo $CURL_CA_BUNDLE; env | grep -c ca.pem; touch $SSL_CERT_FILE 2>&1 | grep -c Read-only",
      {
        parents: ["base", "own-roots"],
        hostCa: bundle,
        env: ["PATH=/bin", "CURL_CA_BUNDLE=/mine"],
        id: "trusting",
      },
    );
    expect(stdout).toBe(`${pem("image")}\n${pem("machine")}\n/mine\n6\n1\n`);
    expect(store.listing("trusting")).toEqual([]);
  });

  test("that fails says how", async () => {
    expect((await control.run("exit 3")).error).toEqual({
      code: "RUN_FAILED",
      message: "the command failed: exit code 3",
      exitCode: 3,
    });
    const killed = await control.run("sh -c 'kill -9 $$'; exit $?");
    expect(killed.error).toMatchObject({
      code: "RUN_FAILED",
      exitCode: 137,
      message: expect.stringContaining("SIGKILL, out of memory?"),
    });
    const noShell = await control.run("", { parents: [], argv: ["/bin/sh", "-c", "true"] });
    expect(noShell.error).toMatchObject({
      code: "RUN_FAILED",
      exitCode: 127,
      hint: expect.stringContaining("no shell"),
    });
    const notFound = await control.run("", { argv: ["no-such-program"] });
    expect(notFound.error).toMatchObject({
      code: "RUN_FAILED",
      exitCode: 127,
      message: 'exec: "no-such-program": no such file in the image',
    });
    const notExecutable = await control.run("", { argv: ["/etc/passwd"] });
    expect(notExecutable.error).toMatchObject({ code: "RUN_FAILED", exitCode: 126 });
    await control.run(
      "printf '\\177ELF\\002\\001\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\377\\0' > /foreign; chmod +x /foreign",
      { id: "foreign" },
    );
    const foreign = await control.run("", { parents: ["base", "foreign"], argv: ["/foreign"] });
    expect(foreign.error).toMatchObject({
      code: "RUN_FAILED",
      exitCode: 126,
      message: 'exec: "/foreign": exec format error',
    });
  });
});
