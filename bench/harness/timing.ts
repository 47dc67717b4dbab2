/** Runs `work` and answers how many microseconds each of its `operations` took. */
export function microsecondsEach(operations: number, work: () => void): number {
  const began = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - began) / 1000 / operations;
}

/** The same for work that waits. */
export async function microsecondsEachOf(operations: number, work: () => Promise<void>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1000 / operations;
}
