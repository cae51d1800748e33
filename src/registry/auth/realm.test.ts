import { expect, test } from "vitest";
import { isLoopback } from "../http/address.ts";
import { parseRealm } from "./realm.ts";

const allowed = (address: string): boolean =>
  isLoopback(new URL(`http://${address}`).hostname) || address === "named:5001";

function realm(text: string, registry: string): string {
  return parseRealm(text, new URL(registry), allowed).href;
}

test.each([
  ["https://auth.docker.io/token", "https://registry-1.docker.io", "https://auth.docker.io/token"],
  ["/token", "https://r.example/v2/", "https://r.example/token"],
  ["https://user:pass@auth.example/t#x", "https://r.example", "https://auth.example/t"],
  ["http://localhost:5001/auth", "http://localhost:5000", "http://localhost:5001/auth"],
  ["http://127.0.0.1:5001/auth", "http://localhost:5000", "http://127.0.0.1:5001/auth"],
  ["http://named:5001/auth", "http://named:5000", "http://named:5001/auth"],
  ["http://named:5002/auth", "http://named:5000", "http://named:5002/auth"],
  ["https://10.0.0.5/auth", "https://10.0.0.5:5000", "https://10.0.0.5/auth"],
  ["https://8.8.8.8/auth", "https://r.example", "https://8.8.8.8/auth"],
])("%s of %s is used", (text, registry, expected) => {
  expect(realm(text, registry)).toBe(expected);
});

test.each([
  ["http://auth.example/token", "https://r.example"],
  ["http://r.example/token", "https://r.example"],
  ["http://auth.example/token", "http://localhost:5000"],
  ["https://169.254.169.254/latest/meta-data", "https://r.example"],
  ["http://169.254.169.254/latest/meta-data", "http://localhost:5000"],
  ["https://127.0.0.1/token", "https://r.example"],
  ["https://localhost/token", "https://r.example"],
  ["https://x.localhost/token", "https://r.example"],
  ["https://2130706433/token", "https://r.example"],
  ["https://0x7f.1/token", "https://r.example"],
  ["https://0.0.0.0/token", "https://r.example"],
  ["https://[::1]/token", "https://r.example"],
  ["https://[::]/token", "https://r.example"],
  ["https://[::ffff:10.0.0.1]/token", "https://r.example"],
  ["https://[fe80::1]/token", "https://r.example"],
  ["https://[fd00::1]/token", "https://r.example"],
  ["https://10.1.2.3/token", "https://r.example"],
  ["https://192.168.1.1/token", "https://10.1.2.3"],
  ["https://172.31.255.255/token", "https://r.example"],
  ["https://100.64.0.1/token", "https://r.example"],
  ["file:///etc/passwd", "https://r.example"],
  ["data:,x", "https://r.example"],
  ["https://", "https://r.example"],
])("%s of %s is refused", (text, registry) => {
  expect(() => realm(text, registry)).toThrow(expect.objectContaining({ code: "REGISTRY_PROTOCOL" }));
});

test("the refusal does not repeat a password", () => {
  expect(() => realm("http://user:hunter2@auth.example/", "https://r.example")).not.toThrow(/hunter2/);
  expect(() => realm("http://user:hunter2@auth.example/", "https://r.example")).toThrow(/without TLS/);
});
