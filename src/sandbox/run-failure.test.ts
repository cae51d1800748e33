import { expect, test } from "vitest";
import type { ContainerEnd } from "./container.ts";
import { RunFailure, isOfCommand, runFailure } from "./run-failure.ts";

const ended: ContainerEnd = { exitCode: 0, complaint: undefined, stderrTail: "", hadStdout: false };

function failure(end: Partial<ContainerEnd>, changes: { argv?: readonly string[]; oomKills?: number } = {}): unknown {
  const error = runFailure(
    { ...ended, ...end },
    { argv: ["/bin/sh", "-c", "x"], platform: "linux/arm64", oomKills: 0, ...changes },
  );
  return (
    error && {
      code: error.code,
      message: error.message,
      hint: error.hint,
      exitCode: error instanceof RunFailure ? error.exitCode : undefined,
    }
  );
}

test("a command that ended well did not fail, whatever it wrote", () => {
  expect(failure({ stderrTail: "exec container process `/x`: Exec format error" })).toBeUndefined();
});

test.each([
  [{ exitCode: 2 }, "the command failed: exit code 2"],
  [{ exitCode: 143 }, "the command failed: exit code 143 (killed by SIGTERM)"],
  [{ exitCode: 137 }, "the command failed: exit code 137 (killed by SIGKILL, out of memory?)"],
  [{ exitCode: 255 }, "the command failed: exit code 255"],
])("%j is %j", (end, message) => {
  expect(failure(end)).toEqual({ code: "RUN_FAILED", message, hint: undefined, exitCode: end.exitCode });
});

test.each([
  ["dd: error writing '/big': No space left on device\n", /disk of the store.*--root/],
  [
    'Get "https://x/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    /SSL_CERT_FILE/,
  ],
  ["curl: (60) SSL certificate problem: unable to get local issuer certificate", /SSL_CERT_FILE/],
  ["fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none", /SSL_CERT_FILE/],
])("%s is this machine's fault", (stderrTail, hint) => {
  expect(failure({ exitCode: 1, stderrTail })).toMatchObject({ hint: expect.stringMatching(hint) });
});

test("a kill for want of memory is named where the kernel counted one", () => {
  expect(failure({ exitCode: 137 }, { oomKills: 1 })).toMatchObject({
    message: "the command failed: exit code 137 (killed by SIGKILL: the machine ran out of memory)",
  });
});

// As crun 1.8.1 and runc 1.1.5 say it.
test.each([
  ["executable file `/bin/sh` not found in $PATH: No such file or directory", 127],
  ['runc run failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory', 127],
  ['runc run failed: unable to start container process: exec: "sh": executable file not found in $PATH', 127],
  ["open executable: Permission denied", 126],
  ['runc run failed: unable to start container process: exec: "/bin/sh": permission denied', 126],
])("%s is the command's fault, with the shell's code for it", (complaint, exitCode) => {
  expect(isOfCommand(complaint)).toBe(true);
  expect(failure({ exitCode: 1, complaint })).toMatchObject({ code: "RUN_FAILED", exitCode });
});

test("a shell that is missing is explained", () => {
  const complaint = "executable file `/bin/sh` not found in $PATH: No such file or directory";
  expect(failure({ exitCode: 1, complaint })).toMatchObject({ hint: expect.stringContaining("distroless") });
  expect(failure({ exitCode: 1, complaint }, { argv: ["/app"] })).toMatchObject({
    hint: expect.stringContaining("path of a file"),
  });
});

test.each([
  ['{"msg":"exec container process `/x`: Exec format error","level":"error"}', 126, "exec format error"],
  ["exec /x: exec format error", 126, "exec format error"],
  [
    "exec container process (missing dynamic library?) `/x`: No such file or directory",
    127,
    "its interpreter is not in the image",
  ],
  ["exec /x: no such file or directory", 127, "its interpreter is not in the image"],
])("%s is what the kernel said of the command", (stderrTail, exitCode, text) => {
  expect(failure({ exitCode: 1, stderrTail })).toMatchObject({
    code: "RUN_FAILED",
    exitCode,
    message: `exec: "/bin/sh": ${text}`,
  });
});

test("what a runtime cannot do is the sandbox's fault", () => {
  const complaint = "cgroups in hybrid mode not supported, drop all controllers from cgroupv2";
  expect(isOfCommand(complaint)).toBe(false);
  expect(failure({ exitCode: 1, complaint })).toMatchObject({
    code: "SANDBOX_FAILED",
    message: `the sandbox could not be made: ${complaint}`,
  });
});
