import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DamageStats } from './damage.ts';
import type { Replay, TortureReport, TortureSuite } from './suite.ts';

const DEFAULT_SEED = 77;
/** For each damage, before a check or a walk is taken for one that does not end. */
const PATIENCE_MS = 5000;
const START_MS = 60_000;

/** In a process of its own, which can be ended when a check or a walk does not end. */
const runDamageProcess = (count: number, args: readonly string[]): Promise<TortureReport> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, 'damage.ts'), ...args],
      { encoding: 'utf8', timeout: START_MS + count * PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve(toReport(args, stdout, `${error?.signal ?? ''} ${stderr}`)),
    );
  });

/** A store that can't tidy up warns of it on the standard error, which is no fault; a process that has ended has no figures. */
function toReport(args: readonly string[], stdout: string, complaint: string): TortureReport {
  if (stdout === '')
    return { figures: 'no figures', faults: [`damage.ts ${args.join(' ')}: the process ended: ${complaint}`] };
  const { damages, refused, unharmed, readable, kept, cleared, faults } = JSON.parse(stdout) as DamageStats;
  return {
    figures:
      `${damages} damages: ${refused} stores refused, ${unharmed} unharmed, ${cleared} cleared, ` +
      `${kept} of ${readable} readable items kept by repairs`,
    faults: damages > 0 ? faults : [...faults, 'nothing was damaged'],
  };
}

const toOption = (only: number | undefined): readonly string[] => (only === undefined ? [] : [`--only=${only}`]);

/** A database damaged at random: nothing is wrong in silence, every check ends, and a repair keeps what can be read. */
export const damageSuite: TortureSuite = {
  name: 'damages',
  long: 4000,
  short: 24,
  run: (count, { seed = DEFAULT_SEED, only }: Replay = {}) =>
    runDamageProcess(count, [`${count}`, `${seed}`, ...toOption(only)]),
};

/**
 * The same promises for files damaged at chosen places: pages exchanged, each byte of the header, the log, the shared memory, value
 * files, manifests. There are fewer of them than `long`.
 */
export const placedDamageSuite: TortureSuite = {
  name: 'places',
  long: 10_000,
  short: 24,
  run: (count, { only }: Replay = {}) => runDamageProcess(count, [`${count}`, '--placed', ...toOption(only)]),
};
