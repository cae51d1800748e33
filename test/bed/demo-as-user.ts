import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runTool } from "./process.ts";
import { asUser, CHECKOUT, isCheckoutReadable, removeTree, unprivilegedUser } from "./user.ts";

// `./dev demo` as root: the machine has what it needs by now; the rest happens as a user without privileges.
const user = unprivilegedUser();
const copy = isCheckoutReadable(user) ? undefined : copyCheckout();
const checkout = copy ?? CHECKOUT;
process.stdout.write(`root's part is done: everything that follows runs as ${user.name} (uid ${user.uid}).\n`);
const [command = "", ...args] = asUser(user, [join(checkout, "dev"), "demo", ...process.argv.slice(2)]);
const network = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "TERM",
];
const kept = network.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
const done = spawnSync(command, args, {
  cwd: user.home,
  stdio: "inherit",
  env: { ...Object.fromEntries(kept), PATH: process.env["PATH"], HOME: user.home, USER: user.name, LC_ALL: "C.UTF-8" },
});
if (copy !== undefined) removeTree(copy);
process.exitCode = done.status ?? 1;

function copyCheckout(): string {
  const target = mkdtempSync(join(tmpdir(), "manyarch-checkout-"));
  cpSync(CHECKOUT, target, { recursive: true, verbatimSymlinks: true, filter: (path) => basename(path) !== ".git" });
  runTool("chmod", ["-R", "u=rwX,go=rX", target]);
  return target;
}
