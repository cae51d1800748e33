import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostPlatform } from "../src/oci/platform.ts";
import { ELF_ARCHITECTURES } from "../src/sandbox/emulation/architectures.ts";
import { PROBE_EXIT, probeProgram } from "../src/sandbox/emulation/probe-program.ts";
import { registration } from "../src/sandbox/emulation/registration.ts";
import { isMachineKnown } from "../src/sys/trace/machines/own-machine.ts";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";
import { runsAsRoot } from "./bed/user.ts";

const machine = hostPlatform().architecture;
const FOREIGN = ELF_ARCHITECTURES.filter(({ name }) => name !== machine);

/** As root it is the same but for the namespace: one of each kind is enough, unless all is asked for. */
const SOME = FOREIGN.filter(({ name }) => name === "386" || name === "s390x");

const users = runsAsRoot ? (["unprivileged", "current"] as const) : (["unprivileged"] as const);

describe.each(users)("as %s user", (user) => {
  let bed: Bed;
  let context: string;

  beforeAll(async () => {
    bed = await startBed({ user });
    context = bed.newDirectory("context");
    const lines = ["FROM scratch", "ARG TARGETARCH", "COPY $TARGETARCH /probe", 'RUN ["/probe"]'];
    writeFileSync(join(context, "Dockerfile"), lines.join("\n"));
    for (const one of ELF_ARCHITECTURES) writeFileSync(join(context, one.name), probeProgram(one), { mode: 0o755 });
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const build = (
    architecture: string,
    prefix: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<CliResult> =>
    bed.cli(["build", "--progress=plain", "--platform", `linux/${architecture}`, ...flags, context], { prefix });

  /** The probe ends with a code of its own: that it does is the proof that it ran. */
  const expectRan = ({ stderr, exitCode }: CliResult): void => {
    expect(stderr).toContain(`exit code ${PROBE_EXIT}`);
    expect(exitCode).toBe(5);
  };

  const tried = user === "unprivileged" || process.env["MANYARCH_TEST_ALL"] ? FOREIGN : SOME;

  test.each(tried.map(({ name }) => name))("%s runs, with nothing registered on the machine", async (name) => {
    expectRan(await build(name));
    expect(bed.leftovers()).toEqual({ processes: [], mounts: [], files: [] });
  });

  test.runIf(isMachineKnown()).each(SOME.map(({ name }) => name))("%s runs below a tracer", async (name) => {
    const result = await build(name, [], ["--sandbox=proot"]);
    expectRan(result);
    expect(result.stderr).toMatch(new RegExp(`linux/${name}(?:/v7)? runs under qemu-`));
    expect(result.stderr).toContain("started by a tracer");
  });

  test("several platforms in one build, and an image whose programs are emulated", async () => {
    const directory = bed.newDirectory("several");
    const script =
      "uname -m > /machine; chown 33:44 /machine; chmod 4751 /machine; ln /machine /again; (exit 3) || sh -c 'echo forked'";
    writeFileSync(join(directory, "Dockerfile"), `FROM busybox\nRUN ${script}\n`);
    const out = join(directory, "out");
    const platforms = "linux/amd64,linux/arm64,linux/arm/v7";
    const { stderr, exitCode } = await bed.cli([
      "build",
      "--platform",
      platforms,
      "-o",
      `type=oci,dest=${out}`,
      directory,
    ]);
    expect(exitCode, stderr).toBe(0);
    expect(stderr.match(/info\[EMULATION\]: linux\/arm64 runs under qemu-aarch64\S* \d/g) ?? []).toHaveLength(
      machine === "arm64" ? 0 : 1,
    );
    expect(stderr.match(/\d forked$/gm)).toHaveLength(3);
  });

  test.runIf(user === "current")("what no emulator is installed for is refused before any work", async () => {
    const hide = "for name in /usr/bin/qemu-s390x*; do mount --bind /dev/null $name; done";
    const { stderr, exitCode } = await build("s390x", ["unshare", "--mount", "sh", "-c", `${hide}; exec "$@"`, "sh"]);
    expect(exitCode).toBe(8);
    expect(stderr).toContain('error[PLAN_NO_EMULATOR]: RUN ["/probe"] runs on linux/s390x');
    expect(stderr).toContain("there is no qemu-s390x-static");
    expect(stderr).toContain("Dockerfile:4");
    expect(stderr).not.toContain("why:");
  });

  test("a RUN reaches its emulator and can change nothing of it", async () => {
    const directory = bed.newDirectory("reach");
    const emulator = "exec 3</proc/thread-self/exe; readlink /proc/self/fd/3";
    const attacks = [
      "chmod 777 /proc/self/fd/3",
      "chown 1 /proc/self/fd/3",
      "echo x > /proc/self/fd/3",
      "touch /proc/self/fd/3",
    ];
    const script = attacks.map((attack) => `if ${attack}; then echo "changed by ${attack}"; fi`).join("; ");
    writeFileSync(join(directory, "Dockerfile"), `FROM busybox\nRUN ${emulator}; ${script}\n`);
    const [platform, qemu] = machine === "arm64" ? ["linux/amd64", "x86_64"] : ["linux/arm64", "aarch64"];
    // A copy: where the guard fails it is not the machine's that is changed.
    cpSync(`/usr/bin/qemu-${qemu}-static`, join(directory, `qemu-${qemu}-static`));
    const env = { PATH: `${directory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin` };
    const { stderr, exitCode } = await bed.cli(["build", "--progress=plain", "--platform", platform, directory], {
      env,
    });
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/\d \/.*qemu-/);
    expect(stderr).not.toMatch(/\d changed by/);
  });

  describe.runIf(user === "current")("where the machine has a handler", () => {
    const other = FOREIGN.find(({ name }) => name === "s390x") ?? FOREIGN[0]!;
    const handler = registration(other, { path: `/usr/bin/qemu-${other.qemu}-static`, keepsName: true });

    test("one with flag F is used, whatever it is called", async () => {
      const result = await build(other.name, machineWith(handler.replace(/manyarch-[^|]+/, "translator")));
      expectRan(result);
      expect(result.stderr).toContain(`${other.name} runs under the host's handler translator`);
    });

    test("one is not relied upon where another platform needs a handler of ours, which hides it", async () => {
      const argv = ["plan", "--platform", `linux/${other.name},linux/riscv64`, context];
      const { stdout } = await bed.cli(argv, { prefix: machineWith(handler) });
      expect(stdout.match(/WHY[^]*?\n\n/)?.[0].match(/own binfmt_misc handler/g)).toHaveLength(2);
    });

    test.each([
      ["without flag F", handler.replace(/CFP$/, "P"), ""],
      ["that is disabled", handler, "echo 0 > /proc/sys/fs/binfmt_misc/manyarch-s390x"],
      ["where all are disabled", handler, "echo 0 > /proc/sys/fs/binfmt_misc/status"],
    ])("one %s is passed over", async (_, line, then) => {
      const result = await build(other.name, machineWith(line, then));
      expectRan(result);
      expect(result.stderr).toContain("own binfmt_misc handler");
    });
  });
});

/** A command that runs the rest of its arguments on a machine with a handler: a user namespace with an instance of its own. */
function machineWith(line: string, then = ""): readonly string[] {
  const inside = [
    "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc",
    `printf %s '${line}' > /proc/sys/fs/binfmt_misc/register`,
    then,
    'exec "$@"',
  ];
  const enter = `until grep -q . /proc/self/uid_map; do sleep 0.02; done; exec unshare --mount -- sh -c "$0" sh "$@"`;
  const outside = [
    'unshare --user -- sh -c "$0" "$@" & child=$!',
    'until [ "$(readlink /proc/$child/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.02; done',
    'echo "0 0 65536" > /proc/$child/gid_map; echo "0 0 65536" > /proc/$child/uid_map',
    "wait $child",
  ];
  return ["sh", "-c", outside.join("\n"), enter, inside.filter((part) => part !== "").join("\n")];
}
