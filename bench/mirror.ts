import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureArtefact } from "../test/bed/make.ts";
import { runTool, runToolAsync } from "../test/bed/process.ts";
import { Registry } from "../test/bed/registry.ts";

const IMAGES = ["distroless/static:nonroot", "library/busybox:latest", "library/debian:bookworm-slim"];
const GOLANG = "library/golang:1.26-bookworm";
const BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

/**
 * The base images for all builders alike, with the machine's certificate authorities in golang. Where a proxy
 * signs with its own, the others could not download modules otherwise; manyarch gives them to RUNs by itself.
 */
export async function benchMirror(): Promise<Registry> {
  const crane = join(ensureArtefact("crane"), "crane");
  await using source = await Registry.start({
    folder: join(ensureArtefact("base-images"), "registry"),
    readOnly: true,
  });
  const mirror = await Registry.start();
  for (const image of IMAGES) await runToolAsync(crane, ["copy", `${source.host}/${image}`, `${mirror.host}/${image}`]);
  const layer = certificateLayer();
  const platform = process.arch === "x64" ? "linux/amd64" : "linux/arm64";
  const to = ["--new_layer", layer, "--new_tag", `${mirror.host}/${GOLANG}`];
  await runToolAsync(crane, ["append", "--platform", platform, "--base", `${source.host}/${GOLANG}`, ...to]);
  rmSync(dirname(layer), { recursive: true });
  return mirror;
}

function certificateLayer(): string {
  const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-ca-"));
  const path = join(directory, "root", BUNDLE);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, readFileSync(BUNDLE));
  const layer = join(directory, "layer.tar");
  runTool("tar", [
    "-C",
    join(directory, "root"),
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "-cf",
    layer,
    BUNDLE.slice(1),
  ]);
  return layer;
}
