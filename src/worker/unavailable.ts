import { readFileSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";

/**
 * Why no worker could be started, by what unshare, mount and Node said on standard error, and what root
 * must type so that it can.
 */
export function startFailure(stderr: string, userNamespace: boolean): AppError {
  const said = stderr.trim().split("\n").slice(-3).join("; ") || "its guard ended without a word";
  const errno = Object.entries(MESSAGES).find(([, text]) => stderr.includes(text))?.[0];
  const reason = errno === undefined ? said : `${said} (${errno})`;
  if (/unshare|setpriv/.test(stderr) && /not found|ENOENT/.test(stderr)) {
    return unavailable(`util-linux is needed to enter namespaces: ${said}`, "As root: apt-get install util-linux.");
  }
  if (/mount .*proc|\/proc failed/.test(stderr)) {
    return unavailable(
      `no fresh /proc may be mounted: ${reason}`,
      "In a container: docker run --security-opt systempaths=unconfined, or procMount: Unmasked on Kubernetes.",
    );
  }
  if (/: mount "/.test(stderr)) {
    return unavailable(
      `mounts are refused: ${errorLine(stderr)}`,
      "In a container: --security-opt apparmor=unconfined, or appArmorProfile: Unconfined on Kubernetes.",
    );
  }
  if (/unshare/.test(stderr))
    return unavailable(`the kernel refused new namespaces: ${reason}`, namespaceHint(errno, userNamespace));
  return new AppError("WORKER_FAILED", `the worker could not be started: ${said}`);
}

/** Of what Node prints when an error ends it. */
function errorLine(stderr: string): string {
  return /^Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n")[0] ?? "";
}

/** As the C library says them. */
const MESSAGES: Readonly<Record<string, string>> = {
  EPERM: "Operation not permitted",
  EACCES: "Permission denied",
  ENOSPC: "No space left on device",
  EINVAL: "Invalid argument",
  EUSERS: "Too many users",
};

function namespaceHint(errno: string | undefined, userNamespace: boolean): string {
  if (!userNamespace)
    return "In a container: give it CAP_SYS_ADMIN and an unconfined seccomp profile, or run manyarch as another user than root.";
  if (errno === "ENOSPC" || errno === "EUSERS" || sysctl("user/max_user_namespaces") === "0")
    return "As root: sysctl -w user.max_user_namespaces=15000";
  if (sysctl("kernel/unprivileged_userns_clone") === "0")
    return "As root: sysctl -w kernel.unprivileged_userns_clone=1";
  if (sysctl("kernel/apparmor_restrict_unprivileged_userns") === "1")
    return "As root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  return "In a container: --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or seccompProfile: Unconfined on Kubernetes.";
}

function unavailable(message: string, hint: string): AppError {
  return new AppError("SANDBOX_UNAVAILABLE", message, { hint });
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "latin1").trim();
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
