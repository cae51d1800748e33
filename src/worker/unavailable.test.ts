import { expect, test } from "vitest";
import { startFailure } from "./unavailable.ts";

test.each([
  ["unshare: unshare failed: Operation not permitted", true, "EPERM", "unconfined"],
  ["unshare: unshare failed: No space left on device", true, "ENOSPC", "user.max_user_namespaces"],
  ["unshare: unshare failed: Operation not permitted", false, "EPERM", "CAP_SYS_ADMIN"],
  ["unshare: mount /proc failed: Operation not permitted", true, "EPERM", "procMount"],
  ["spawn unshare ENOENT", true, "util-linux", "apt-get install util-linux"],
  ["/bin/sh: 3: setpriv: not found", true, "util-linux", "apt-get install util-linux"],
])("%s names the errno and what to do", (stderr, userNamespace, named, hint) => {
  const error = startFailure(`${stderr}\n`, userNamespace);
  expect(error.code).toBe("SANDBOX_UNAVAILABLE");
  expect(error.message).toContain(named);
  expect(error.hint).toContain(hint);
});

test("a fault of our own is not the machine's", () => {
  expect(startFailure("SyntaxError: unexpected token", true)).toMatchObject({
    code: "WORKER_FAILED",
    message: expect.stringContaining("SyntaxError"),
  });
});
