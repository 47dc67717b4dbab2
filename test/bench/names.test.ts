import { expect, it } from 'vitest';
import { BENCHMARKS } from '../../bench/benchmarks.ts';
import type { Benchmark } from '../../bench/harness/benchmark.ts';

it.each(BENCHMARKS)('npm run bench -- %s runs the file of that name and reports under it', async (name) => {
  const { benchmark } = (await import(`../../bench/${name}.ts`)) as { readonly benchmark: Benchmark };
  expect(benchmark.name).toBe(name);
});
