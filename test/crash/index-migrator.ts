/** Migrates an index, entry by entry, and says so after each of the first ones: `migrator.ts <directory>`. */
import { writeSync } from 'node:fs';
import { Index } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;

new Index<string, unknown>(directory, {
  version: 2,
  durability: 'process',
  migrate(index) {
    writeSync(1, 'migrating\n');
    for (const [key, value] of index) {
      index.set(key, { migrated: value });
      index.set(`${key} too`, 'x'.repeat(40_000));
      index.delete(`${key} old`);
    }
  },
});
writeSync(1, 'migrated\n');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
