import { expect, test } from "vitest";
import { usesGoCache } from "./go-cache.ts";

test.each([
  [["/bin/sh", "-c", "make build"], ["GOLANG_VERSION=1.26.8"], true],
  [["/bin/sh", "-c", "cd x && go build ./..."], [], true],
  [["/usr/local/go/bin/go build"], [], true],
  [["/bin/sh", "-c", "echo cargo build"], [], false],
  [["/bin/sh", "-c", "true"], ["PATH=/bin"], false],
  // A cache of the Dockerfile's own is left alone.
  [["/bin/sh", "-c", "go build"], ["GOCACHE=/c", "GOPATH=/go"], false],
])("%j with %j: %s", (argv, env, expected) => {
  expect(usesGoCache(argv, env)).toBe(expected);
});
