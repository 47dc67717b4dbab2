import type { ModelDeque } from '../model-deque.ts';
import type { ModelIndex } from '../model-index.ts';
import { createLargeValue, createValue, type RandomInt } from './values.ts';

/** Thrown to undo a transaction. */
class Rollback extends Error {}

/** Mostly one write, otherwise several that are one, and perhaps none. */
function runInTransaction(store: { transact<T>(work: () => T): T }, draw: RandomInt, write: () => unknown): unknown {
  if (draw(10) < 8) return write();
  const fails = draw(5) === 0;
  const returned: unknown[] = [];
  try {
    store.transact(() => {
      for (let left = 2 + draw(6); left > 0; left--) returned.push(write());
      if (fails) throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback)) throw error;
  }
  return returned;
}

export const stepIndex = (index: ModelIndex, draw: RandomInt, step: number): unknown =>
  runInTransaction(index, draw, () => {
    const key = () => `key ${draw(60)}`;
    const value = () => createValue(draw, step);
    const dice = draw(60);
    if (dice < 24) return void index.set(key(), value());
    if (dice < 26) return void index.setMany(Array.from({ length: 1 + draw(20) }, () => [key(), value()] as const));
    if (dice < 30) return void index.setDefault(key(), value());
    if (dice < 34) return index.update(key(), () => value());
    if (dice < 42) return index.delete(key());
    if (dice < 46) return index.pop(key());
    if (dice < 49) return index.popItem({ last: draw(2) === 0 });
    if (dice < 56) return index.get(key());
    if (dice < 57) return void index.set(key(), createLargeValue(draw, step));
    if (dice < 59) return [...index.keys()];
    if (draw(20) === 0) index.clear();
  });

/** A deque stays about as long as it is. */
const DEQUE_ITEMS = 40;

export const stepDeque = (deque: ModelDeque, draw: RandomInt, step: number): unknown =>
  runInTransaction(deque, draw, () => {
    const place = () => draw(Math.max(1, deque.length));
    const value = () => createValue(draw, step);
    const dice = draw(60);
    if (dice < 40) {
      const grows = draw(2 * DEQUE_ITEMS) >= deque.length;
      const atBack = draw(3) !== 0;
      if (grows) return void (atBack ? deque.push(value()) : deque.unshift(value(), step));
      return atBack ? deque.shift() : deque.pop();
    }
    if (dice < 46) return deque.length;
    if (dice < 50) return deque.length > 0 ? deque.at(place()) : undefined;
    if (dice < 53) return void (deque.length > 0 && deque.set(place(), value()));
    if (dice < 55) return void deque.delete(place());
    if (dice < 56) return void deque.rotate(draw(5) - 2);
    if (dice < 57) return void deque.reverse();
    if (dice < 58) return void deque.splice(place(), 2);
    if (dice < 59) return void deque.push(createLargeValue(draw, step));
    if (draw(20) === 0) deque.clear();
  });
