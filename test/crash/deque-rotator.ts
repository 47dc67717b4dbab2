/**
 * Rotates, reverses and shortens a deque of the numbers 0, …, n − 1 until it is killed: `deque-rotator.ts <directory>`. Every step
 * keeps all numbers: one that is removed at one end is added at the other in the same transaction.
 */
import { writeSync } from 'node:fs';
import { Deque } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;
const deque = new Deque<number>(directory, { durability: 'process' });

for (let turn = 0; ; turn++) {
  if (turn % 4 === 0) deque.reverse();
  else if (turn % 4 === 1) deque.rotate(Math.trunc(deque.length / 3));
  else if (turn % 4 === 2) deque.rotate(-7);
  else {
    deque.transact(() => {
      const middle = Math.floor(deque.length / 2);
      const value = deque.at(middle)!;
      deque.delete(middle);
      deque.push(value);
    });
  }
  writeSync(1, `${turn}\n`);
}
