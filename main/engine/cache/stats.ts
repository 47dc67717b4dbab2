import type { Stats } from '../../../protocol/entry.ts';
import { demandFlag, optionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { atomically } from './transaction.ts';
import { writeUses } from './uses.ts';

const OPTIONS: ReadonlySet<string> = new Set(['reset']);

export function stats(core: Core, options?: { readonly reset?: boolean }): Stats {
  const { reset = false } = optionsOf(options, OPTIONS);
  demandFlag(reset, 'reset');
  const { sql, uses } = core;
  const read = (): Stats => ({
    hits: (sql.counter.first('hits')?.[0] ?? 0) + uses.hits,
    misses: (sql.counter.first('misses')?.[0] ?? 0) + uses.misses,
  });
  if (!reset) return read();
  return atomically(core, () => {
    writeUses(core, 0);
    const found = read();
    sql.setCounter.run(0, 'hits');
    sql.setCounter.run(0, 'misses');
    return found;
  });
}
