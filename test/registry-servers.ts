import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { artefactPath } from "./bed/cache.ts";
import { crane } from "./bed/peers.ts";
import { findProgram } from "./bed/process.ts";

/** A program of PATH, of the directory that MANYARCH_PEERS names, or one that the bed has built already. */
export function optionalProgram(name: string): string | undefined {
  const places = [process.env["MANYARCH_PEERS"], name === "crane" ? artefactPath(crane()) : undefined];
  const paths = places.flatMap((place) => (place === undefined ? [] : [join(place, name)]));
  return findProgram(name) ?? paths.find((path) => existsSync(path));
}

export interface Server extends AsyncDisposable {
  /** `localhost:PORT` */
  readonly host: string;
}

/** Starts a server on a free loopback port, which `args` is told; ready when the port answers. */
export async function startServer(program: string, args: (port: number) => readonly string[]): Promise<Server> {
  const port = await freePort();
  // setpriv: the kernel ends the server when the process that started it is gone.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args(port)], { stdio: "ignore", cwd: "/" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await answering(port, () => child.exitCode === null);
  return {
    host: `localhost:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function answering(port: number, isAlive: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && isAlive(); attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no registry answers on port ${port}`);
}
