import { putLayer, type Layer } from "../blobs.ts";
import { putImage } from "../image.ts";
import { certificateBundle } from "./certificates.ts";
import { DEBIAN_PATH } from "./debian.ts";
import { newTree, putFiles, unpackPlain, type FileTable, type Recipe, type Workshop } from "./workshop.ts";

/** `gcr.io/distroless/static`, from the packages Google makes it of, one layer each as Google does. */
export const distroless: Recipe = async (workshop) => {
  const layers = [
    { layer: await packageLayer(workshop, "base-files"), by: "# base-files" },
    { layer: await packageLayer(workshop, "netbase"), by: "# netbase" },
    { layer: await packageLayer(workshop, "tzdata"), by: "# tzdata" },
    { layer: await putFiles(workshop, "static-accounts", ACCOUNTS, { owners: NONROOT }), by: "# accounts, home, tmp" },
    { layer: await certificates(workshop), by: "# ca-certificates: the bundle" },
  ];
  const env = [DEBIAN_PATH, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"];
  const image = (config: object) =>
    putImage(workshop.store, { platform: workshop.platform, layers, config: { Env: env, ...config } });
  const asRoot = image({ User: "0", WorkingDir: "/" });
  const asNonroot = image({ User: "65532", WorkingDir: "/home/nonroot" });
  return ["distroless/static", "distroless/static-debian12"].flatMap((repository) => [
    { repository, tags: ["latest"], manifests: [asRoot] },
    { repository, tags: ["nonroot"], manifests: [asNonroot] },
  ]);
};

async function packageLayer(workshop: Workshop, name: string): Promise<Layer> {
  const root = newTree(workshop, `static-${name}`);
  await unpackPlain(workshop.packages, root, [name]);
  return putLayer(workshop.store, root, {
    exclude: ["./usr/share/doc/*/*.gz", "./usr/share/man", "./usr/share/lintian"],
  });
}

async function certificates(workshop: Workshop): Promise<Layer> {
  const source = newTree(workshop, "static-certificates-package");
  await unpackPlain(workshop.packages, source, ["ca-certificates"]);
  return putFiles(workshop, "static-certificates", { "etc/ssl/certs/ca-certificates.crt": certificateBundle(source) });
}

const NONROOT = { "./home/nonroot": "65532:65532" };

const ACCOUNTS: FileTable = {
  "etc/passwd": [
    "root:x:0:0:root:/root:/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin",
    "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin",
    "",
  ].join("\n"),
  "etc/group": "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n",
  "etc/nsswitch.conf": "hosts: files dns\n",
  "root/": ["", 0o700],
  "home/nonroot/": ["", 0o700],
  "tmp/": ["", 0o1777],
};
