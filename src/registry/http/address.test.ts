import { expect, test } from "vitest";
import { inSubnet, kindOfAddress } from "./address.ts";

test.each([
  ["localhost", "loopback"],
  ["LOCALHOST.", "loopback"],
  ["a.localhost", "loopback"],
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["[::1]", "loopback"],
  ["[::ffff:127.0.0.1]", "loopback"],
  ["[::ffff:7f00:1]", "loopback"],
  ["0.0.0.0", "unspecified"],
  ["[::]", "unspecified"],
  ["169.254.169.254", "link-local"],
  ["[fe80::1]", "link-local"],
  ["[::ffff:a9fe:a9fe]", "link-local"],
  ["10.1.1.1", "private"],
  ["172.16.0.1", "private"],
  ["172.32.0.1", "public"],
  ["192.168.0.1", "private"],
  ["[fc00::1]", "private"],
  ["8.8.8.8", "public"],
  ["[2606:4700::1]", "public"],
  ["localhost.example", "name"],
  ["127.0.0.1.example", "name"],
  ["registry.example", "name"],
])("%s is %s", (host, kind) => {
  expect(kindOfAddress(host)).toBe(kind);
});

test("a subnet holds its own family only", () => {
  expect(inSubnet("10.0.0.1", "10.0.0.0", 8)).toBe(true);
  expect(inSubnet("::1", "10.0.0.0", 8)).toBe(false);
  expect(inSubnet("name", "10.0.0.0", 8)).toBe(false);
});
