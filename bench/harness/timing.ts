/** Runs `work` and answers how many microseconds each of its `operations` took. */
export function measureMicroseconds(operations: number, work: () => void): number {
  const startedAt = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - startedAt) / 1000 / operations;
}

/** The same for work that waits. */
export async function measureMicrosecondsAsync(operations: number, work: () => Promise<void>): Promise<number> {
  const startedAt = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - startedAt) / 1000 / operations;
}
