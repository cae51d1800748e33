import { expect, test } from "vitest";
import { printable, redactUrl } from "./redact.ts";

test.each([
  ["https://r.example/v2/a/manifests/v1", "https://r.example/v2/a/manifests/v1"],
  ["https://bob:hunter2@r.example/", "https://redacted@r.example/"],
  [
    "https://s3.example/x?X-Amz-Signature=hunter2&digest=sha256:1",
    "https://s3.example/x?X-Amz-Signature=redacted&digest=sha256%3A1",
  ],
  ["https://a.example/token?service=s&account=hunter2#hunter2", "https://a.example/token?service=s&account=redacted"],
])("%s is shown as %s", (url, shown) => {
  expect(redactUrl(new URL(url))).toBe(shown);
});

test("a server's text is one bounded line without control or direction characters", () => {
  expect(printable("a\u001b[2Jb\r\nc\u202Ed\u0000")).toBe("a [2Jb c d");
  expect(printable("x".repeat(1000))).toHaveLength(301);
});
