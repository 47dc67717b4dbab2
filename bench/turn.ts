/** What does a read cost that is the only one of its turn, and so can't share the look at what others have written? */
import { draws, keysOf } from './harness/data.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { microsecondsEachOf } from './harness/timing.ts';

export const question: Question = {
  name: 'turn',
  asks: 'What does a get cost that is the only one of its turn of the event loop?',
  async *comparisons({ keys, operations }) {
    using stock = new Stock(keys, 'text');
    const among = keys / 10;
    const contender = (name: string, store: Pick<Store, 'get'>): Contender => ({
      name,
      round: (number) => timeTurns(store, keysOf(draws(operations, among, number))),
    });
    yield {
      title: `a turn with one get as text, ${among} of ${keys} items`,
      unit: 'µs',
      contenders: [
        contender('a turn with nothing in it', { get: () => true }),
        contender(FLOOR, stock.floor()),
        contender(`${OURS}, used recently`, stock.cache()),
        contender(`${OURS}, not in memory`, stock.cache({ memory: 0 })),
      ],
      goals: [],
    };
  },
};

/** Microseconds for each turn. */
async function timeTurns(store: Pick<Store, 'get'>, keys: readonly string[]): Promise<number> {
  let found = 0;
  const figure = await microsecondsEachOf(
    keys.length,
    () =>
      new Promise((resolve) => {
        let turn = 0;
        function next(): void {
          if (store.get(keys[turn++]!) !== undefined) found++;
          if (turn < keys.length) setImmediate(next);
          else resolve();
        }
        next();
      }),
  );
  if (found !== keys.length) throw new Error(`${keys.length} gets found ${found} values`);
  return figure;
}

if (import.meta.main) await runAlone(question);
