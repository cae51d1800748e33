import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { putLayer, type Layer } from "../blobs.ts";
import { mergedUsrLinks, unpackPackages } from "../debian-root.ts";
import { GO_VERSION } from "../go-toolchain.ts";
import { putAttestation, putImage } from "../image.ts";
import { runTool } from "../process.ts";
import { certificateBundle } from "./certificates.ts";
import { DEBIAN_PATH, MINIMAL, type DebianBase } from "./debian.ts";
import { newTree, putFiles, type Recipe, type Workshop } from "./workshop.ts";

const TOOLS = ["git", "ca-certificates"] as const;
const MINOR = GO_VERSION.split(".").slice(0, 2).join(".");

/**
 * `golang:1.x-bookworm` on top of the debian layer, laid out as the official image: /usr/local/go, GOPATH
 * /go, GOTOOLCHAIN=local. It has git and the certificates; it has no C compiler.
 */
export function golang(base: DebianBase, toolchain: string): Recipe {
  return async (workshop) => {
    const tools = await toolsLayer(workshop, base.root);
    const go = await goLayer(workshop, toolchain);
    const path = await putFiles(workshop, "gopath", {
      "go/": ["", 0o1777],
      "go/src/": ["", 0o1777],
      "go/bin/": ["", 0o1777],
    });
    const manifest = putImage(workshop.store, {
      platform: workshop.platform,
      layers: [
        { layer: base.layer, by: "# debian bookworm from its packages, no maintainer script run" },
        { layer: tools, by: `# ${TOOLS.join(", ")}` },
        { layer: go, by: "COPY /target/ / # buildkit" },
        { layer: path, by: 'RUN /bin/sh -c mkdir -p "$GOPATH/src" "$GOPATH/bin" && chmod -R 1777 "$GOPATH"' },
      ],
      config: {
        Env: [
          DEBIAN_PATH.replace("PATH=", "PATH=/go/bin:/usr/local/go/bin:"),
          `GOLANG_VERSION=${GO_VERSION}`,
          "GOTOOLCHAIN=local",
          "GOPATH=/go",
        ],
        Cmd: ["bash"],
        WorkingDir: "/go",
      },
      emptyHistory: ["WORKDIR /go"],
    });
    const tags = [
      `${GO_VERSION}-bookworm`,
      `${MINOR}-bookworm`,
      "1-bookworm",
      "bookworm",
      GO_VERSION,
      MINOR,
      "1",
      "latest",
    ];
    return [{ repository: "library/golang", tags, manifests: [manifest, putAttestation(workshop.store, manifest)] }];
  };
}

async function toolsLayer(workshop: Workshop, base: string): Promise<Layer> {
  const root = newTree(workshop, "golang-tools");
  mkdirSync(join(root, "var/lib/dpkg"), { recursive: true });
  writeFileSync(join(root, "var/lib/dpkg/status"), readFileSync(join(base, "var/lib/dpkg/status")));
  const present = new Set((await workshop.packages.closure(MINIMAL)).map((one) => one.name));
  const packages = (await workshop.packages.closure([...MINIMAL, ...TOOLS])).filter((one) => !present.has(one.name));
  await workshop.packages.download(packages);
  unpackPackages(root, workshop.arch, packages);
  mkdirSync(join(root, "etc/ssl/certs"), { recursive: true });
  writeFileSync(join(root, "etc/ssl/certs/ca-certificates.crt"), certificateBundle(root));
  // Without it the package's trigger would write an empty bundle at the next installation.
  const names = readdirSync(join(root, "usr/share/ca-certificates/mozilla")).toSorted();
  writeFileSync(join(root, "etc/ca-certificates.conf"), names.map((name) => `mozilla/${name}\n`).join(""));
  return putLayer(workshop.store, root, { exclude: mergedUsrLinks(workshop.arch).map((link) => `./${link}`) });
}

async function goLayer(workshop: Workshop, toolchain: string): Promise<Layer> {
  const root = newTree(workshop, "golang-go");
  const target = join(root, "usr/local/go");
  mkdirSync(join(root, "usr/local"), { recursive: true });
  cpSync(toolchain, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  rmSync(join(target, "test"), { recursive: true, force: true });
  runTool("chmod", ["-R", "u=rwX,go=rX", root]);
  return putLayer(workshop.store, root);
}
