/**
 * `npm run torture [part …] [--short] [--times=0.5] [--seed=77] [--only=12]`: torments the product in every way there is, prints what
 * was tried, and fails when something happened that should not have. Without a name every part runs, for an hour or two. `--seed` and
 * `--only` replay damages: of a seed, or the one with a number that a fault named; of `places` by `--only` alone.
 */
import { LONG_SUITES } from './suites.ts';

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const isShort = process.argv.includes('--short');
const getNumber = (option: string): number | undefined => {
  const given = process.argv.find((argument) => argument.startsWith(`--${option}=`))?.slice(option.length + 3);
  return given === undefined ? undefined : Number(given);
};
const times = getNumber('times') ?? 1;
const replay = { seed: getNumber('seed'), only: getNumber('only') };
const unknown = names.filter((name) => !LONG_SUITES.some((part) => part.name === name));
if (unknown.length > 0 || !(times > 0)) {
  console.error(
    `There are the parts ${LONG_SUITES.map(({ name }) => name).join(', ')}; --short; --times=<number above 0>; --seed=<number>; --only=<number>`,
  );
  process.exit(2);
}

let failed = false;
for (const part of LONG_SUITES) {
  if (names.length > 0 && !names.includes(part.name)) continue;
  const why = part.unavailable?.();
  if (why !== undefined) {
    console.log(`${part.name}: skipped, ${why}`);
    continue;
  }
  const started = Date.now();
  const { figures, faults } = await part.run(Math.ceil((isShort ? part.short : part.long) * times), replay);
  console.log(`${part.name}: ${figures}; ${faults.length} faults (${Math.round((Date.now() - started) / 1000)} s)`);
  for (const fault of faults) console.log(`   ${fault}`);
  failed ||= faults.length > 0;
}
process.exitCode = failed ? 1 : 0;
