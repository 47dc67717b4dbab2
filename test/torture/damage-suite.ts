import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DamageStats } from './damage.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

const SEED = 77;
/** For each damage, before a check or a walk is taken for one that does not end. */
const PATIENCE_MS = 5000;
const START_MS = 60_000;

/** In a process of its own, which can be ended when a check or a walk does not end. */
function run(count: number): Promise<TortureReport> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, 'damage.ts'), `${count}`, `${SEED}`],
      { encoding: 'utf8', timeout: START_MS + count * PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve(toReport(count, stdout, `${error?.signal ?? ''} ${stderr}`)),
    );
  });
}

/**
 * A store that can't tidy up writes a warning to standard error, which is no fault; a process that has ended has no figures.
 */
function toReport(count: number, stdout: string, complaint: string): TortureReport {
  if (stdout === '') return { figures: 'no figures', faults: [`seed ${SEED}: the process ended: ${complaint}`] };
  const { damages, refused, unharmed, readable, kept, cleared, faults } = JSON.parse(stdout) as DamageStats;
  const more: string[] = [];
  if (damages !== count) more.push(`there were ${damages} damages instead of ${count}`);
  return {
    figures:
      `${damages} damages: ${refused} stores refused, ${unharmed} unharmed, ${cleared} cleared, ` +
      `${kept} of ${readable} readable items kept by repairs`,
    faults: [...faults, ...more],
  };
}

/** A database damaged at random: nothing is wrong in silence, every check ends, and a repair keeps what can be read. */
export const damageSuite: TortureSuite = { name: 'damages', long: 4000, short: 24, run };
