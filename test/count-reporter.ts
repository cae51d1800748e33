import type { Reporter, TestModule } from "vitest/node";

/** Ends the output with one plain line that scripts can read: `N passed, N failed`. */
class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) count[test.result().state]++;
      // A module that cannot be loaded has no tests, and must not look like a success.
      if (tests.length === 0 && !module.ok()) count.failed++;
    }
    const skipped = count.skipped + count.pending;
    process.stdout.write(
      `${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
    );
  }
}

// vitest loads a reporter by its module's default export.
export default CountReporter;
