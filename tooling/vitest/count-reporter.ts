import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Prints `N passed, N failed, N skipped` as the last line of a run, for whoever reads the output by machine. */
export default class CountReporter implements Reporter {
  #line = '';

  onInit(): void {
    process.once('exit', () => process.stdout.write(this.#line));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const failedBefore = count.failed;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') count[state]++;
      }
      // A file that could not be loaded, or a failing hook, has no failing test of its own.
      if (module.state() === 'failed' && count.failed === failedBefore) count.failed++;
    }
    this.#line = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`;
  }
}
