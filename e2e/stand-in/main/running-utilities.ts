import { setTimeout } from 'node:timers/promises';
import type { UtilityProcess } from './utility-process.ts';

export const runningUtilities = new Set<UtilityProcess>();

export const waitForExit = (utility: UtilityProcess): Promise<void> =>
  new Promise((resolve) => void utility.once('exit', () => resolve()));

/** Milliseconds they have to end when the application does. */
const GRACE_MS = 5000;

/** The application ends, and its utility processes with it. */
export async function endUtilities(): Promise<void> {
  const ends = [...runningUtilities].map(waitForExit);
  for (const utility of runningUtilities) utility.kill();
  await Promise.race([Promise.all(ends), setTimeout(GRACE_MS, undefined, { ref: false })]);
}
