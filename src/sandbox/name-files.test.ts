import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostsText, resolvConfText } from "./name-files.ts";

let directory = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "names-"));
  writeFileSync(join(directory, "hosts"), "127.0.0.1 localhost\n10.0.0.7 registry.corp");
  writeFileSync(join(directory, "resolv.conf"), "nameserver 127.0.0.53\n");
});
afterAll(() => rmSync(directory, { recursive: true }));

test("on the machine's network the machine's names are known, and the container's own", () => {
  expect(hostsText("host", [], "manyarch", join(directory, "hosts"))).toBe(
    "127.0.0.1 localhost\n10.0.0.7 registry.corp\n127.0.0.1\tmanyarch\n",
  );
  expect(resolvConfText(join(directory, "resolv.conf"))).toBe("nameserver 127.0.0.53\n");
});

test("without a network, or a file of the machine's, loopback is all there is", () => {
  const loopback = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\tmanyarch\n";
  expect(hostsText("none", [], "manyarch", join(directory, "hosts"))).toBe(loopback);
  expect(hostsText("host", [], "manyarch", join(directory, "missing"))).toBe(loopback);
  expect(resolvConfText(join(directory, "missing"))).toBe("");
});
