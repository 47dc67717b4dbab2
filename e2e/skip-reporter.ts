import type { Reporter, TestCase } from '@playwright/test/reporter';

/** Prints why tests were skipped, so that a skipped shell isn't mistaken for a passed one. */
export default class SkipsReporter implements Reporter {
  readonly #reasons = new Map<string, number>();

  onTestEnd(test: TestCase): void {
    if (test.outcome() !== 'skipped') return;
    const reason =
      test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description ?? 'no reason given';
    const project = test.parent.project()?.name ?? '';
    const line = `${project}: skipped: ${reason}`;
    this.#reasons.set(line, (this.#reasons.get(line) ?? 0) + 1);
  }

  onEnd(): void {
    for (const [line, count] of this.#reasons) console.log(`  ${line} (${count} ${count === 1 ? 'test' : 'tests'})`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
