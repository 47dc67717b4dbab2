import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DamagedStartStats } from './damaged-starts.ts';
import type { Replay, TortureReport, TortureSuite } from './suite.ts';

const DEFAULT_SEED = 44;
/** For each damage, before a start is taken for one that does not end. */
const PATIENCE_MS = 5000;
const START_MS = 60_000;

/** In a process of its own, which can be ended when a start does not end. */
const runProcess = <S>(script: string, count: number, args: readonly string[], toReport: (stats: S) => TortureReport) =>
  new Promise<TortureReport>((resolve) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, script), `${count}`, ...args],
      { encoding: 'utf8', timeout: START_MS + count * PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout !== '') resolve(toReport(JSON.parse(stdout) as S));
        else resolve({ figures: 'no figures', faults: [`${script}: the process ended: ${error?.signal} ${stderr}`] });
      },
    );
  });

/** A store of a host damaged at random: the host starts all the same, and what can be read is there. */
export const damagedStartSuite: TortureSuite = {
  name: 'damaged-starts',
  long: 4000,
  short: 40,
  run: (count, { seed = DEFAULT_SEED, only }: Replay = {}) =>
    runProcess<DamagedStartStats>(
      'damaged-starts.ts',
      count,
      [`${seed}`, ...(only === undefined ? [] : [`--only=${only}`])],
      ({ damages, setAside, restored, unnoticed, mayBeNewer, readable, saved, returned, faults }) => ({
        figures:
          `${damages} damages: ${restored} stores restored, ${setAside} set aside, ${unnoticed} not noticed, ` +
          `${mayBeNewer} refused as newer; ${saved} of ${readable} readable items saved, ${returned} deleted ones came back`,
        faults: damages > 0 ? faults : [...faults, 'nothing was damaged'],
      }),
    ),
};
