import { join } from 'node:path';
import { Cache, restore } from '../../main/engine/index.ts';

/** Backs a store up and restores it, again and again, until it is killed. `arguments`: the folder, whether the store is exclusive. */
const [root = '', kind] = process.argv.slice(2);
const directory = join(root, 'store');

for (let round = Date.now(); ; round++) {
  const store = new Cache<string, unknown>(directory, { exclusive: kind === 'exclusive', fileThreshold: 100 });
  const path = join(root, `backup-${round}`);
  const write = (value: number) =>
    store.setMany([
      ['first', value],
      ['large', `${value} `.padEnd(1000)],
      ['last', value],
    ]);
  write(round);
  const backup = store.backup(path);
  write(round + 0.5);
  await backup;
  store.close();
  process.stdout.write('backed up\n');
  await restore(path, directory);
  process.stdout.write('restored\n');
}
