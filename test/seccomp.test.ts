import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostPlatform } from "../src/oci/platform.ts";
import { startBed } from "./bed/bed.ts";
import type { Bed } from "./bed/bed.ts";
import { runsAsRoot } from "./bed/user.ts";
import { makeBrokenCrun } from "./support/broken-crun.ts";

/** Calls of x86-64 and what they answer in a RUN: an errno, or 0. Those that are allowed fail by their arguments. */
const CALLS = [
  ["unshare of a user namespace", "272, 0x10000000", "EPERM"],
  ["unshare of a mount namespace", "272, 0x20000", "EPERM"],
  ["clone into a user namespace", "56, 0x10000000 | 17, 0, 0, 0, 0", "EPERM"],
  ["clone3", "435, 0, 0", "ENOSYS"],
  ["setns", "308, 999, 0", "EPERM"],
  ["mount", "165, 0, 0, 0, 0, 0", "EPERM"],
  ["umount2", "166, 0, 0", "EPERM"],
  ["pivot_root", "155, 0, 0", "EPERM"],
  ["fsopen", "430, 0, 0", "EPERM"],
  ["open_tree", "428, -100, 0, 0", "EPERM"],
  ["move_mount", "429, 0, 0, 0, 0, 0", "EPERM"],
  ["open_by_handle_at", "304, 0, 0, 0", "EPERM"],
  ["keyctl", "250, 0, 0", "EPERM"],
  ["add_key", "248, 0, 0, 0, 0, 0", "EPERM"],
  ["request_key", "249, 0, 0, 0, 0", "EPERM"],
  ["bpf", "321, 0, 0, 0", "EPERM"],
  ["perf_event_open", "298, 0, 0, 0, 0, 0", "EPERM"],
  ["userfaultfd", "323, 0", "EPERM"],
  ["io_uring_setup", "425, 1, 0", "EPERM"],
  ["kexec_load", "246, 0, 0, 0, 0", "EPERM"],
  ["init_module", "175, 0, 0, 0", "EPERM"],
  ["finit_module", "313, 999, 0, 0", "EPERM"],
  ["reboot", "169, 0, 0, 0, 0", "EPERM"],
  ["swapon", "167, 0, 0", "EPERM"],
  ["acct", "163, 0", "EPERM"],
  ["iopl", "172, 0", "EPERM"],
  ["settimeofday", "164, 0, 0", "EPERM"],
  ["move_pages", "279, 0, 0, 0, 0, 0, 0", "EPERM"],
  ["pidfd_getfd", "438, 999, 0, 0", "EPERM"],
  ["personality of now", "135, 0xffffffff", ""],
  ["personality of another system", "135, 0x80000004", "EPERM"],
  ["ptrace", "101, 0x4206, 99999999, 0, 0", "ESRCH"],
  ["process_vm_readv", "310, 99999999, 0, 0, 0, 0, 0", ""],
  ["socket of AF_UNIX", "41, 1, 1, 0", ""],
  ["socket of AF_INET", "41, 2, 1, 0", ""],
  ["socket of AF_NETLINK", "41, 16, 3, 0", ""],
  ["socket of AF_ALG", "41, 38, 5, 0", "EPERM"],
  ["socket of AF_VSOCK", "41, 40, 1, 0", "EPERM"],
  ["socket of AF_ALG by a longer number", "41, 0x100000026, 5, 0", "EPERM"],
  ["socket of AF_VSOCK by a longer number", "41, 0x100000028, 1, 0", "EPERM"],
  ["a call that there is not", "999", "ENOSYS"],
] as const;

/** What the tracer answers before. */
const TRACED: Readonly<Record<string, string>> = {
  open_tree: "ENOSYS",
  io_uring_setup: "ENOSYS",
  ptrace: "EPERM",
  process_vm_readv: "ESRCH",
};

const script = [
  'use Errno; my %names = reverse map { $_ => &{"Errno::$_"}() } keys %!;',
  'sub try { my ($what, @call) = @_; $! = 0; my $r = syscall($call[0], @call[1..$#call]); print "$what: ", ($r < 0 ? $names{$!+0} // $!+0 : \'\'), "\\n" }',
  ...CALLS.map(([what, call]) => `try('${what}', ${call});`),
  // PR_GET_SECCOMP: 2 is a filter.
  "print 'mode: ', syscall(157, 21, 0, 0, 0, 0), \"\\n\";",
];

const DOCKERFILE = `FROM debian:bookworm-slim AS run
COPY calls.pl /calls.pl
RUN perl /calls.pl >/answers
RUN su nobody -s /bin/sh -c 'test "$(id -u)" = 65534' && cp /usr/bin/id /id && chmod 4755 /id && \\
    su nobody -s /bin/sh -c '/id -u' >/setuid
FROM scratch
COPY --from=run /answers /setuid /
`;

const cases = [
  { rung: "runtime", user: "unprivileged", runtime: "crun" },
  { rung: "runtime", user: "unprivileged", runtime: "runc" },
  { rung: "namespace", user: "unprivileged", runtime: "none" },
  { rung: "namespace", user: "current", runtime: "none" },
  { rung: "chroot", user: "current", runtime: "none" },
  { rung: "proot", user: "unprivileged", runtime: "none" },
] as const;

/** Root has a bed of its own, which takes a while. */
const all = process.env["MANYARCH_TEST_ALL"] === "1" && runsAsRoot;
const tried = cases.filter(({ user }) => all || user === "unprivileged");

/** QEMU is under the filter, and with it what it runs. */
const EMULATED = `FROM debian:bookworm-slim
RUN grep '^Seccomp:.*2' /proc/self/status && ! unshare -U true && ! mount -t tmpfs none /mnt && echo filtered on $(uname -m) >&2
`;

/** The numbers are of one machine. */
describe
  .skipIf(hostPlatform().architecture !== "amd64")
  .each(all ? (["unprivileged", "current"] as const) : (["unprivileged"] as const))("as %s user", (user) => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await startBed({ user });
  });
  afterAll(() => bed?.[Symbol.asyncDispose]());

  test.each(tried.filter((one) => one.user === user))("on the rung $rung ($runtime)", async ({ rung, runtime }) => {
    const context = bed.newDirectory(`context-${rung}-${runtime}`);
    writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
    writeFileSync(join(context, "calls.pl"), script.join("\n"));
    const tools = bed.newDirectory(`tools-${rung}-${runtime}`);
    if (runtime === "runc") makeBrokenCrun(tools);
    const out = join(context, "out");
    const { exitCode, stderr } = await bed.cli(
      ["build", "--progress=plain", "--no-cache", `--sandbox=${rung}`, `--output=type=local,dest=${out}`, context],
      { env: { PATH: `${tools}:${bed.env["PATH"]}` } },
    );
    expect(exitCode, stderr).toBe(0);
    expect(readFileSync(join(out, "answers"), "utf8").trimEnd().split("\n")).toEqual([
      ...CALLS.map(([what, , errno]) => `${what}: ${(rung === "proot" ? TRACED[what] : undefined) ?? errno}`),
      "mode: 2",
    ]);
    expect(readFileSync(join(out, "setuid"), "utf8")).toBe("0\n");
  });

  test("a command that cannot be executed ends with nothing but its error", async () => {
    const context = bed.newDirectory("missing");
    writeFileSync(join(context, "Dockerfile"), 'FROM busybox\nRUN ["nosuchcommand"]\n');
    const { exitCode, stderr } = await bed.cli(["build", "--progress=plain", "--sandbox=namespace", context]);
    expect(exitCode).toBe(5);
    expect(stderr).toContain('exec: "nosuchcommand": no such file in the image');
    // Lines of output have the seconds before them.
    expect(stderr).not.toMatch(/^#\d+ \[.*\] \d+\.\d+ /m);
  });

  test("in a RUN of a foreign platform", async () => {
    const context = bed.newDirectory("emulated");
    writeFileSync(join(context, "Dockerfile"), EMULATED);
    const flags = ["--progress=plain", "--sandbox=namespace", "--platform=linux/arm64"];
    const { exitCode, stderr } = await bed.cli(["build", ...flags, context]);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain("filtered on aarch64");
  });
});
