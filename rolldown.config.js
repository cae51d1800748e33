import { defineConfig } from "rolldown";

/**
 * The published programs, as `dist/NAME/main.js`: they start one another by these paths. Each is a bundle of
 * its own: parts that they share would be fifty small files more to find and load. What is imported lazily
 * stays in files of its own.
 */
export default defineConfig(
  Object.entries({
    cli: "src/cli/main.ts",
    worker: "src/worker/main.ts",
    launch: "src/sandbox/launch/main.ts",
    tracer: "src/sandbox/fake-root/tracer-main.ts",
    binfmt: "src/sandbox/emulation/mount-binfmt.ts",
    launcher: "src/sandbox/fake-root/launcher.ts",
  }).map(([process, main]) => ({
    input: { main },
    platform: "node",
    // Native code, and optional: found at run time or done without.
    external: ["koffi"],
    output: {
      dir: `dist/${process}`,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "[name]-[hash].js",
      // What several lazy parts share is one file, not one for each set of sharers.
      codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] },
    },
  })),
);
