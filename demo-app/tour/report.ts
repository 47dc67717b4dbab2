/** A step of the tour failed. The message names the step and what was seen. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** Runs one step and prints it with its duration and its result. */
export async function runStep(title: string, work: () => Promise<string>): Promise<void> {
  const began = performance.now();
  try {
    const seen = await work();
    console.log(`  ${seconds(performance.now() - began)}  ${title}: ${seen}`);
  } catch (error) {
    const [why] = String(error instanceof Error ? error.message : error).split('\n');
    throw new StepFailed(`${title}: failed after ${seconds(performance.now() - began).trim()}. ${why}`, {
      cause: error,
    });
  }
}

/** Fails the step unless both are equal. */
export function expectShown(what: string, seen: unknown, wanted: unknown): void {
  if (seen === wanted) return;
  throw new Error(`${what}: expected ${JSON.stringify(wanted)}, saw ${JSON.stringify(seen)}`);
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`.padStart(8);
