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
  ["/app", ['RUN mkdir "/app"'], 1, false],
  ["/app", ["RUN mkdir /apples"], 1, true],
  // A tree that lands in the root may bring any directory; a distribution's archive does not.
  ["/app", ["COPY rootfs / # buildkit"], 1, false],
  ["/app", ["ADD alpine-minirootfs-3.20.0-x86_64.tar.gz / # buildkit", 'CMD ["/bin/sh"]'], 1, true],
  ["/app", ["/bin/sh -c #(nop) ADD file:77be8803b8fd2aa3d in / "], 1, true],
  // A base that does not account for each of its layers proves nothing.
  ["/app", ["apko"], 2, false],
  ["/app", [], 1, false],
])("%s on %j of %d layers: clear %s", (destination, history, layers, clear) => {
  expect(isClearOfBase(destination, history, layers)).toBe(clear);
});
