import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePlatform } from "../oci/platform.ts";
import { isForeign, judgeCross } from "./cross.ts";
import type { GoFacts } from "./cross.ts";
import { goUse, namesGoBuild } from "./go-commands.ts";
import { goEnvironment } from "./go-environment.ts";

const facts = (more: Partial<GoFacts> = {}): GoFacts => ({
  image: "golang:1.26-bookworm",
  env: ["GOLANG_VERSION=1.26", "PATH=/usr/local/go/bin:/bin"],
  commands: ["go mod download", "CGO_ENABLED=0 go build -o /app ."],
  isImage: false,
  isMounted: false,
  ...more,
});

test.each([
  ["go mod download", "independent"],
  ["go mod download && go mod verify", "independent"],
  ["apt-get update && apt-get install -y git \\\n && rm -rf /var/lib/apt/lists/*", "independent"],
  ["set -eux; go env; go version", "independent"],
  ["CGO_ENABLED=0 GOOS=linux go build -a -ldflags '-s' -o myapp .", "compiles"],
  ["cd cmd/app && go install .", "compiles"],
  ["go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0", "independent"],
  ["make build", "compiles"],
  ["./build.sh", "compiles"],
  ["go vet ./...", "independent"],
  ["go test ./...", "runs"],
  ["go generate ./... && go build .", "both"],
  ["/usr/local/go/bin/go build .", "compiles"],
  ["(cd a && go build ./...)", "compiles"],
  ["", "independent"],
])("%j %s", (command, use) => {
  expect(goUse(command)).toBe(use);
});

test("only what is said counts as naming a build", () => {
  expect(namesGoBuild("cd x && GOFLAGS=-mod=mod go build .")).toBe(true);
  expect(namesGoBuild("make")).toBe(false);
  expect(namesGoBuild("echo go build")).toBe(false);
});

test("any text is judged", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(["compiles", "runs", "both", "independent"]).toContain(goUse(text));
    }),
  );
});

test("a stage that compiles Go is eligible, whatever its image is called", () => {
  expect(judgeCross(facts())).toEqual({ kind: "eligible" });
  expect(judgeCross(facts({ image: "registry.lan/base:1", env: [] }))).toEqual({ kind: "eligible" });
  expect(judgeCross(facts({ commands: ["make"] }))).toEqual({ kind: "eligible" });
});

test("what does not compile Go is none of ours", () => {
  expect(judgeCross(facts({ commands: ["go mod download"] }))).toEqual({ kind: "other" });
  expect(judgeCross(facts({ image: "node:22", env: ["PATH=/bin"], commands: ["make"] }))).toEqual({ kind: "other" });
});

test.each([
  [{ isImage: true }, /its files are the image/],
  [{ isMounted: true }, /mounts/],
  [{ commands: ["go generate ./... && go build ."] }, /runs what it compiled/],
  [{ commands: ["CGO_ENABLED=1 go build ."] }, /C compiler/],
  [{ env: ["GOLANG_VERSION=1", "CGO_ENABLED=1"] }, /C compiler/],
])("%j must be emulated", (more, reason) => {
  expect(judgeCross(facts(more))).toEqual({ kind: "refused", reason: expect.stringMatching(reason) });
});

test("cgo with a cross compiler is the Dockerfile's own affair", () => {
  expect(judgeCross(facts({ commands: ["CC=aarch64-linux-gnu-gcc CGO_ENABLED=1 go build ."] })).kind).toBe("eligible");
  const set = new Map([
    ["CC", "zig cc"],
    ["CGO_ENABLED", "1"],
  ]);
  expect(goEnvironment(parsePlatform("linux/arm64"), set)).toEqual(["GOOS=linux", "GOARCH=arm64"]);
});

test.each([
  ["linux/arm64", "GOOS=linux GOARCH=arm64 CGO_ENABLED=0"],
  ["linux/arm64/v9", "GOOS=linux GOARCH=arm64 GOARM64=v9.0 CGO_ENABLED=0"],
  ["linux/arm", "GOOS=linux GOARCH=arm GOARM=7 CGO_ENABLED=0"],
  ["linux/arm/v6", "GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0"],
  ["linux/arm/v8", "GOOS=linux GOARCH=arm GOARM=7 CGO_ENABLED=0"],
  ["linux/amd64/v3", "GOOS=linux GOARCH=amd64 GOAMD64=v3 CGO_ENABLED=0"],
  ["linux/386", "GOOS=linux GOARCH=386 CGO_ENABLED=0"],
  ["linux/ppc64le/power9", "GOOS=linux GOARCH=ppc64le GOPPC64=power9 CGO_ENABLED=0"],
  ["linux/riscv64/rva22u64", "GOOS=linux GOARCH=riscv64 GORISCV64=rva22u64 CGO_ENABLED=0"],
  ["linux/mips64le/softfloat", "GOOS=linux GOARCH=mips64le GOMIPS64=softfloat CGO_ENABLED=0"],
  ["linux/mipsle/softfloat", "GOOS=linux GOARCH=mipsle GOMIPS=softfloat CGO_ENABLED=0"],
  ["linux/s390x", "GOOS=linux GOARCH=s390x CGO_ENABLED=0"],
])("%s is %s", (platform, variables) => {
  expect(goEnvironment(parsePlatform(platform), new Map()).join(" ")).toBe(variables);
});

test("what the Dockerfile sets is left as it is", () => {
  const set = new Map([
    ["GOARM", "5"],
    ["GOOS", "linux"],
  ]);
  expect(goEnvironment(parsePlatform("linux/arm/v7"), set)).toEqual(["GOARCH=arm", "CGO_ENABLED=0"]);
});

test("386 runs on amd64, and nothing else is taken for granted", () => {
  const amd64 = parsePlatform("linux/amd64");
  expect(isForeign(parsePlatform("linux/386"), amd64)).toBe(false);
  expect(isForeign(parsePlatform("linux/amd64/v2"), amd64)).toBe(false);
  expect(isForeign(parsePlatform("linux/arm"), parsePlatform("linux/arm64"))).toBe(true);
  expect(isForeign(parsePlatform("windows/amd64"), amd64)).toBe(true);
});
