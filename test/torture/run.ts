/**
 * `npm run torture [part …] [--short] [--times=0.5]`: torments the product in every way there is, prints what was tried, and fails when
 * something happened that should not have. Without a name every part runs, for an hour or two.
 */
import { SUITES } from './suites.ts';

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const isShort = process.argv.includes('--short');
const times = Number(process.argv.find((argument) => argument.startsWith('--times='))?.slice('--times='.length) ?? 1);
const unknown = names.filter((name) => !SUITES.some((part) => part.name === name));
if (unknown.length > 0 || !(times > 0)) {
  console.error(`There are the parts ${SUITES.map(({ name }) => name).join(', ')}; --short; --times=<number above 0>`);
  process.exit(2);
}

let failed = false;
for (const part of SUITES) {
  if (names.length > 0 && !names.includes(part.name)) continue;
  const why = part.unavailable?.();
  if (why !== undefined) {
    console.log(`${part.name}: skipped, ${why}`);
    continue;
  }
  const started = Date.now();
  const { figures, faults } = await part.run(Math.ceil((isShort ? part.short : part.long) * times));
  console.log(`${part.name}: ${figures}; ${faults.length} faults (${Math.round((Date.now() - started) / 1000)} s)`);
  for (const fault of faults) console.log(`   ${fault}`);
  failed ||= faults.length > 0;
}
process.exitCode = failed ? 1 : 0;
