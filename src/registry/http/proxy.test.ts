import { expect, test } from "vitest";
import { proxyFor } from "./proxy.ts";

const PROXY = { HTTPS_PROXY: "http://proxy:3128", HTTP_PROXY: "http://plain:3128" };

// After golang.org/x/net/http/httpproxy, proxy_test.go.
test.each([
  ["foobar.com", "https://example.com/", true],
  [".foobar.com", "https://example.com/", true],
  [".foobar.com", "https://x.foobar.com/", false],
  [".foobar.com", "https://foobar.com/", true],
  ["foobar.com", "https://foobar.com/", false],
  ["foobar.com", "https://x.foobar.com/", false],
  ["foobar.com", "https://xfoobar.com/", true],
  ["*.foobar.com", "https://x.foobar.com/", false],
  ["*.foobar.com", "https://foobar.com/", true],
  ["FooBar.com", "https://FOOBAR.com./", false],
  ["foobar.com:443", "https://foobar.com/", false],
  ["foobar.com:5000", "https://foobar.com:5000/", false],
  ["foobar.com:5000", "https://foobar.com:5001/", true],
  ["*", "https://example.com/", false],
  [" , example.com ,", "https://example.com/", false],
  ["192.168.1.1", "https://192.168.1.1/", false],
  ["192.168.1.2", "https://192.168.1.1/", true],
  ["192.168.1.1:443", "https://192.168.1.1/", false],
  ["192.168.1.0/24", "https://192.168.1.77/", false],
  ["192.168.1.0/24", "https://192.168.2.1/", true],
  ["10.0.0.0/8,192.168.1.0/24", "https://10.200.1.1:5000/", false],
  ["10.0.0.0/99", "https://10.0.0.1/", true],
  ["10.0.0.0/8", "https://ten.example/", true],
  ["2001:db8::/32", "https://[2001:db8::52:0:1]/", false],
  ["2001:db8::52:0:2", "https://[2001:db8::52:0:1]/", true],
  ["[2001:db8::52:0:1]:443", "https://[2001:db8::52:0:1]/", false],
  ["::ffff:0:0/96", "https://10.0.0.1/", false],
])("NO_PROXY=%s: %s goes through the proxy: %s", (noProxy, url, proxied) => {
  expect(proxyFor(new URL(url), { ...PROXY, NO_PROXY: noProxy })?.host).toBe(proxied ? "proxy:3128" : undefined);
});

test.each([
  ["https://r.example", PROXY, "proxy:3128"],
  ["http://r.example", PROXY, "plain:3128"],
  ["https://r.example", { https_proxy: "lower:1" }, "lower:1"],
  ["https://r.example", { https_proxy: "lower:1", HTTPS_PROXY: "https://upper:2" }, "upper:2"],
  ["https://r.example", { HTTP_PROXY: "http://plain:3128" }, undefined],
  ["http://r.example", { HTTP_PROXY: "http://plain:3128", REQUEST_METHOD: "GET" }, undefined],
  ["https://r.example", { ...PROXY, no_proxy: "r.example" }, undefined],
  ["https://localhost:5000", PROXY, undefined],
  ["http://127.8.9.1:5000", PROXY, undefined],
  ["http://[::1]:5000", PROXY, undefined],
  ["https://r.example", { HTTPS_PROXY: "" }, undefined],
])("%s by %j goes through %s", (url, env, host) => {
  expect(proxyFor(new URL(url), env)?.host).toBe(host);
});

test.each(["socks5://host:1", "http://", "://x"])("a proxy %s is refused, and not shown", (value) => {
  const ask = (): unknown => proxyFor(new URL("https://r.example"), { HTTPS_PROXY: value });
  expect(ask).toThrow(expect.objectContaining({ code: "REGISTRY_PROXY_INVALID" }));
});
