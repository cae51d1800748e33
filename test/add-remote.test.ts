import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { missingForNamespaces, unprivilegedUser } from "./bed/user.ts";
import { build, failure } from "./support/build-log.ts";
import { findBelow, findIn, formsOf } from "./support/canaries.ts";
import { newContext } from "./support/context.ts";
import { FileServer } from "./support/file-server.ts";
import { configOf } from "./support/image.ts";

const missing = missingForNamespaces(unprivilegedUser());
if (missing !== undefined) console.warn(`tests of ADD from addresses are skipped: ${missing}`);

describe.skipIf(missing !== undefined)("ADD from an address", () => {
  let bed: Bed;
  let server: FileServer;
  let count = 0;
  const contexts = new Map<string, string>();

  beforeAll(async () => {
    bed = await startBed();
    server = await FileServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  const context = (dockerfile: string, files: Readonly<Record<string, string>> = {}): string =>
    newContext(bed, { Dockerfile: `FROM scratch\n${dockerfile}\n`, ...files });

  /** Builds into a directory: what is in it, and what was said. */
  async function files(
    dockerfile: string,
    flags: readonly string[] = [],
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly listing: string; readonly out: string; readonly ran: number; readonly log: string }> {
    const out = join(bed.directory, `out-${count++}`);
    const directory = contexts.get(dockerfile) ?? context(dockerfile, more);
    contexts.set(dockerfile, directory);
    const built = await build(bed, [...flags, "-o", `type=local,dest=${out}`, directory]);
    const listing = runTool("find", [out, "-mindepth", "1", "-printf", "%P %M %T@ %s\\n"]).split("\n").sort();
    return { listing: listing.join("\n").trim(), out, ran: built.closing.ran, log: built.stderr };
  }

  test("has its name from the address, its time from the server, and is its owner's alone", async () => {
    const headers = {
      "last-modified": "Sat, 03 Feb 2024 04:05:06 GMT",
      "content-disposition": "attachment; filename=x",
    };
    server.serve("/a/some%20*file?x=1", { body: "one", headers });
    server.serve("/", "two");
    const { listing } = await files(`ADD ${server.url}/a/some%20*file?x=1 ${server.url}/ local /d/`, [], {
      local: "3",
    });
    expect(listing.replaceAll(/local -rw-r--r-- \d+\.\d+/g, "local -rw-r--r-- T")).toBe(
      [
        "d drwxr-xr-x 1706933106.0000000000 4096",
        "d/__unnamed__ -rw------- 0.0000000000 3",
        "d/local -rw-r--r-- T 1",
        "d/some *file -rw------- 1706933106.0000000000 3",
      ].join("\n"),
    );
  });

  test("is fetched once, asked about each time, and fetched again when it changed", async () => {
    server.serve("/changing", "old");
    const dockerfile = `ADD --chmod=640 ${server.url}/changing /f`;
    expect((await files(dockerfile)).ran).toBe(2);
    expect((await files(dockerfile)).ran).toBe(0);
    expect(server.statuses("/changing")).toEqual([200, 304]);
    server.serve("/changing", "new");
    const changed = await files(dockerfile);
    expect(readFileSync(join(changed.out, "f"), "utf8")).toBe("new");
    expect(changed.log).toContain("why: changed at its address");
    expect(changed.log).toMatch(/^pull http:\S+\/changing file: done, 3 B in/m);
    expect(changed.log).toContain("why: content changed");
    server.serve("/changing", { body: "new", anonymous: true });
    expect((await files(dockerfile)).log).toContain("CACHED (result in the store)");
  });

  test("with a checksum is asked for once, and refused where it is another", async () => {
    server.serve("/sum", "summed");
    const digest = `sha256:${createHash("sha256").update("summed").digest("hex")}`;
    const dockerfile = `ARG SUM=${digest}\nADD --checksum=$SUM ${server.url}/sum /f`;
    await files(dockerfile);
    expect((await files(dockerfile)).ran).toBe(0);
    expect(server.statuses("/sum")).toEqual([200]);
    const wrong = context(`ADD --checksum=sha256:${"0".repeat(64)} ${server.url}/sum /f`);
    expect(await failure(bed, ["-o", "type=local,dest=never", wrong])).toMatchObject({
      exitCode: 6,
      code: "FETCH_CHECKSUM",
    });
  });

  test("survives a server that fails, breaks off and redirects", async () => {
    server.serve("/flaky", { body: "right in the end", faults: [500, "truncated", 429, "truncated"] });
    server.serve("/elsewhere", { body: "", headers: { location: `${server.url}/flaky` } });
    const { out } = await files(`ADD ${server.url}/elsewhere /f`);
    expect(readFileSync(join(out, "f"), "utf8")).toBe("right in the end");
    expect(await failure(bed, ["-o", "type=local,dest=never", context(`ADD ${server.url}/nothing /f`)])).toMatchObject({
      exitCode: 6,
      code: "FETCH_REFUSED",
    });
  });

  test("stays as it is, but for --unpack and for a server that packs on the way", async () => {
    const directory = newContext(bed, { "d/a": "A" });
    const tar = runTool("sh", ["-c", `tar -C ${directory} -cz d | base64 -w0`]);
    server.serve("/x.tar.gz", Buffer.from(tar, "base64"));
    server.serve("/packed", { body: gzipSync("plain"), headers: { "content-encoding": "gzip" } });
    const flags = `ADD ${server.url}/x.tar.gz ${server.url}/packed /kept/\nADD --unpack=true ${server.url}/x.tar.gz /out/`;
    const { out } = await files(flags);
    expect(readdirSync(join(out, "kept"))).toEqual(["packed", "x.tar.gz"]);
    expect(readFileSync(join(out, "kept/packed"), "utf8")).toBe("plain");
    expect(readFileSync(join(out, "out/d/a"), "utf8")).toBe("A");
  });

  test("takes a user from the address or a token from a secret, and shows neither", async () => {
    const password = "canary-http-51ac07";
    const forms = formsOf(password, "me");
    server.serve("/private", { body: "p", authorization: `Basic ${Buffer.from(`me:${password}`).toString("base64")}` });
    const url = server.url.replace("http://", `http://me:${password}@`);
    const log = await bed.cli([
      "build",
      "--progress=rawjson",
      "--push",
      "-t",
      `${bed.target.host}/private`,
      context(`ADD ${url}/private /f`),
    ]);
    expect(log.exitCode).toBe(0);
    const config = JSON.stringify(await configOf(bed.target, "private:latest", "linux/amd64"));
    expect(config).toContain("ADD http://xxxxx:xxxxx@127.0.0.1");
    expect(findIn("config", [config], forms)).toEqual([]);
    const wrong = await bed.cli([
      "build",
      "-o",
      "type=local,dest=never",
      context(`ADD ${url}/private /f\nADD ${url}/no /g`),
    ]);
    expect(wrong.exitCode).toBe(6);
    expect(findIn("log", [log.stderr, log.stdout, wrong.stderr], forms)).toEqual([]);
    expect(findBelow(bed.store, forms)).toEqual([]);
    server.serve("/token", { body: "t", authorization: `Bearer ${password}` });
    const secret = ["--secret", "id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN"];
    const flags = [
      ...secret,
      "-o",
      `type=local,dest=${join(bed.directory, "token")}`,
      context(`ADD ${server.url}/token /f`),
    ];
    await build(bed, flags, { env: { TOKEN: password } });
    expect(findBelow(bed.store, forms)).toEqual([]);
  });

  test.each([
    [`COPY http://h/x /`, "DOCKERFILE_ARGUMENTS"],
    [`ADD --checksum=sha256:12 http://h/x /`, "DOCKERFILE_FLAG"],
    [`ADD --checksum=sha256:${"0".repeat(64)} Dockerfile /`, "DOCKERFILE_FLAG"],
    [`ADD --checksum=sha256:${"0".repeat(64)} http://h/x http://h/y /`, "DOCKERFILE_FLAG"],
    [`ADD https://h/x.git?unknown=1 /`, "DOCKERFILE_ARGUMENTS"],
  ])("%s is refused before any work", async (dockerfile, code) => {
    expect(await failure(bed, ["-o", "type=local,dest=never", context(dockerfile)])).toMatchObject({
      exitCode: 3,
      code,
    });
  });
});
