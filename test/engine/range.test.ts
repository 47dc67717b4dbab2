import { expect, it } from 'vitest';
import { openDatabase } from '../../main/engine/sqlite/open-database.ts';
import { type RangeShape, toRangeQuery } from '../../main/engine/sqlite/range-queries.ts';
import { freshDirectory } from './fresh-directory.ts';

const KEYS: RangeShape = {
  now: false,
  order: 'key',
  reverse: false,
  lower: false,
  upper: false,
  tag: false,
  after: false,
  sorted: false,
  columns: 'key, id',
};

/** How SQLite would go about it (https://sqlite.org/eqp.html). */
function explainQuery(shape: Partial<RangeShape>): string {
  const options = { claim: 'values', readOnly: false, exclusive: false, pageSize: 4096, timeout: 0 };
  const connection = openDatabase(freshDirectory(), options);
  try {
    const text = toRangeQuery({ ...KEYS, ...shape });
    const bind = Array.from(text.matchAll(/\?/g), () => 1);
    const steps = connection.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...bind);
    return steps.map((step) => step[3]).join('; ');
  } finally {
    connection.close();
  }
}

it('reads keys in key order from their index alone where nothing has expired', () => {
  expect(explainQuery({})).toBe('SCAN entry USING COVERING INDEX entry_key');
  expect(explainQuery({ lower: true, upper: true, after: true, reverse: true })).toBe(
    'SEARCH entry USING COVERING INDEX entry_key (key>? AND key<?)',
  );
});

it.each(['stored', 'key'] as const)('sorts nothing in %s order, from the first page on', (order) => {
  for (const after of [false, true]) {
    expect(explainQuery({ now: true, order, after, lower: true, upper: true })).not.toContain('TEMP B-TREE');
  }
});
