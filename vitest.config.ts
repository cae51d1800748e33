import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Real programs run in many tests, on machines that have other work too.
    testTimeout: 60_000,
    hookTimeout: 300_000,
    // docker-registry ends with the process that started it; threads of one process would share that.
    pool: "forks",
    reporters: ["default", "./test/count-reporter.ts"],
  },
});
