import { expect, test } from "vitest";
import { isClearOfBase } from "./lazy-base.ts";

const bazel = ["bazel build //base:static", "bazel build //base:tzdata"];

test.each([
  ["/app", bazel, 2, true],
  ["/server/bin/x", bazel, 2, true],
  // Distributions own these, often as symlinks: /bin -> usr/bin.
  ["/bin/tool", bazel, 2, false],
  ["/usr/local/bin/tool", bazel, 2, false],
  ["/", bazel, 2, false],
  // The base tells of the directory itself.
  ["/app", ["RUN /bin/sh -c mkdir -p /app # buildkit"], 1, false],
  ["/app", ["WORKDIR /app"], 1, false],
  ["/app", ["WORKDIR app"], 1, false],
  ["/app", ['RUN mkdir "/app"'], 1, false],
  ["/app", ["RUN mkdir /apples"], 1, true],
  ["/app", ["RUN |1 DIR=/app /bin/sh -c mkdir $DIR # buildkit"], 1, false],
  [
    "/app",
    ["RUN /bin/sh -c apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/* # buildkit"],
    1,
    true,
  ],
  // A script, an archive or a command nobody knows may make any directory.
  ["/app", ["RUN /bin/sh -c ./setup.sh # buildkit"], 1, false],
  ["/app", ["RUN /bin/sh -c apk add curl && curl https://example.com/x | tar x # buildkit"], 1, false],
  ["/app", ["RUN /bin/sh -c mkdir /$(cat name)"], 1, false],
  ["/app", ["|1 V=1 /bin/sh -c make install"], 1, false],
  // A tree that lands in the root may bring any directory; a distribution's first archive does not.
  ["/app", ["COPY rootfs / # buildkit"], 1, false],
  ["/app", ["COPY . . # buildkit"], 1, false],
  ["/app", ["COPY x /usr/../ # buildkit"], 1, false],
  ["/app", ["COPY x /./ # buildkit"], 1, false],
  ["/app", ["ADD alpine-minirootfs-3.20.0-x86_64.tar.gz / # buildkit"], 1, true],
  ["/app", ["/bin/sh -c #(nop) ADD file:77be8803b8fd2aa3d in / "], 1, true],
  ["/app", ["/bin/sh -c #(nop) ADD file:77be8803b8fd2aa3d in / ", "ADD site.tar.gz / # buildkit"], 2, false],
  // A base that does not account for each of its layers proves nothing.
  ["/app", ["bazel build //base:static"], 2, false],
  ["/app", ["jib-maven-plugin:3.4"], 1, false],
  ["/app", ["apko"], 1, false],
  ["/app", [""], 1, false],
])("%s on %j of %d layers: clear %s", (destination, history, layers, clear) => {
  expect(isClearOfBase(destination, { history, mentions: [], layers: { length: layers } })).toBe(clear);
});

test.each(["/app", "app", "/app/data", "PATH=/app/bin:/usr/bin", "WORKDIR /app", "APP_HOME=/app"])(
  "a config that says %s speaks of /app",
  (mention) => {
    expect(isClearOfBase("/app/x", { history: bazel, mentions: [mention], layers: { length: 2 } })).toBe(false);
    expect(isClearOfBase("/other", { history: bazel, mentions: [mention], layers: { length: 2 } })).toBe(true);
  },
);
