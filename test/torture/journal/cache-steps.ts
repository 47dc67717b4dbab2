import { createKey, type JournalKey } from './keys.ts';
import type { ModelCache } from './model-cache.ts';
import { createLargeValue, createValue, type RandomInt } from './values.ts';

/** Thrown to undo a transaction. */
class Rollback extends Error {}

const [KEYS, HOT_KEYS, TAGS, COUNTS] = [80, 12, 3, 4];

interface Draws {
  readonly draw: RandomInt;
  readonly index: number;
}

const drawKey = ({ draw }: Draws): JournalKey => createKey(draw(3) === 0 ? draw(HOT_KEYS) : draw(KEYS));
const drawOptions = ({ draw }: Draws): { ttl?: number; tag?: string } => ({
  ...(draw(6) === 0 && { ttl: 100 + draw(6000) }),
  ...(draw(5) === 0 && { tag: `tag ${draw(TAGS)}` }),
});
const drawEntries = (draws: Draws, most: number) =>
  Array.from({ length: 1 + draws.draw(most) }, (): [JournalKey, unknown, { ttl?: number; tag?: string }] => [
    drawKey(draws),
    createValue(draws.draw, draws.index),
    drawOptions(draws),
  ]);
const drawSide = ({ draw }: Draws): { side?: 'front' | 'back' } =>
  draw(3) === 0 ? { side: draw(2) === 0 ? 'front' : 'back' } : {};

type Step = (cache: ModelCache, draws: Draws) => unknown;

const set: Step = (cache, draws) => cache.set(drawKey(draws), createValue(draws.draw, draws.index), drawOptions(draws));
const setPlain: Step = (cache, draws) => cache.set(drawKey(draws), createValue(draws.draw, draws.index));
const deleteOne: Step = (cache, draws) => cache.delete(drawKey(draws));
const add: Step = (cache, draws) => cache.add(drawKey(draws), createValue(draws.draw, draws.index), drawOptions(draws));
const touch: Step = (cache, draws) =>
  cache.touch(drawKey(draws), draws.draw(4) === 0 ? {} : { ttl: 100 + draws.draw(6000) });
const incr: Step = (cache, { draw }) => cache.incr(`count ${draw(COUNTS)}`, draw(9) - 4);
const get: Step = (cache, draws) => cache.get(drawKey(draws));
const push: Step = (cache, draws) =>
  cache.push(createValue(draws.draw, draws.index), { ...drawSide(draws), ...drawOptions(draws) });
const pull: Step = (cache, draws) => cache.pull(drawSide(draws));
const setMany: Step = (cache, draws) => cache.setMany(drawEntries(draws, draws.draw(10) === 0 ? 200 : 20));
const pop: Step = (cache, draws) => cache.pop(drawKey(draws));
const update: Step = (cache, draws) => {
  const value = createValue(draws.draw, draws.index);
  return cache.update(drawKey(draws), (current) => (current === undefined ? value : draws.index));
};
/** One key through all its states, over generations of a journal: each call is one of three writes. */
const turnOverPlain: Step = (cache, { draw, index }) => {
  const key = createKey(Math.floor(index / 12) % HOT_KEYS);
  return index % 3 === 1 ? cache.delete(key) : cache.set(key, createValue(draw, index));
};
const turnOver: Step = (cache, draws) =>
  draws.index % 3 === 2
    ? cache.set(createKey(Math.floor(draws.index / 12) % HOT_KEYS), draws.index, { ttl: 2000 })
    : turnOverPlain(cache, draws);
const deleteMany: Step = (cache, draws) => cache.deleteMany(drawEntries(draws, 10).map(([key]) => key));
const range: Step = (cache, draws) => {
  const { draw } = draws;
  const options = draw(2) === 0 ? { prefix: `key ${draw(9)}` } : draw(2) === 0 ? { tag: `tag ${draw(TAGS)}` } : {};
  return [...cache.keys({ ...options, reverse: draw(2) === 0 })];
};
const edges: Step = (cache, draws) => [cache.peek(drawSide(draws)), cache.peekItem({ last: draws.draw(2) === 0 })];
const setLarge: Step = (cache, draws) => cache.set(drawKey(draws), createLargeValue(draws.draw, draws.index));

const SMALL_STEPS: readonly Step[] = [set, set, set, deleteOne, add, touch, incr, get, push, pull, pop, update];

/** Several steps that are one, and perhaps none. */
const transact: Step = (cache, draws) => {
  const { draw } = draws;
  const fails = draw(5) === 0;
  const returned: unknown[] = [];
  try {
    cache.transact(() => {
      for (let left = 2 + draw(draw(6) === 0 ? 60 : 8); left > 0; left--)
        returned.push(SMALL_STEPS[draw(SMALL_STEPS.length)]!(cache, draws));
      if (fails) throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback)) throw error;
  }
  return returned;
};

const DIRECT_STEPS: readonly Step[] = [
  (cache) => void cache.expire(),
  (cache, { draw }) => cache.evict(`tag ${draw(TAGS)}`),
  (cache, { draw }) => cache.deletePrefix(`key ${draw(9)}`),
  (cache, { draw }) => (draw(12) === 0 ? cache.clear() : cache.size),
  setLarge,
  setLarge,
  range,
  range,
  edges,
  (cache) => cache.size,
];
const MANY_STEPS: readonly Step[] = [setMany, transact, transact, deleteMany, turnOver, turnOver];
const QUEUE_STEPS: readonly Step[] = [push, push, push, pull, pull, pull, edges];

/** By a seed's profile: what its steps are drawn from, each with its share of 100. The first hardly ever writes around a journal. */
const PROFILES: readonly (readonly (readonly [share: number, steps: readonly Step[]])[])[] = [
  [
    [98, [setPlain, setPlain, setPlain, setPlain, deleteOne, get, turnOverPlain]],
    [1, MANY_STEPS],
    [1, DIRECT_STEPS],
  ],
  [
    [60, SMALL_STEPS],
    [25, MANY_STEPS],
    [15, DIRECT_STEPS],
  ],
  [
    [30, SMALL_STEPS],
    [60, QUEUE_STEPS],
    [5, MANY_STEPS],
    [5, DIRECT_STEPS],
  ],
  [
    [80, [set, set, deleteOne, add, turnOver, setMany]],
    [14, MANY_STEPS],
    [6, DIRECT_STEPS],
  ],
];

export function stepCache(cache: ModelCache, draw: RandomInt, index: number, profile: number): unknown {
  let dice = draw(100);
  for (const [share, steps] of PROFILES[profile]!) {
    dice -= share;
    if (dice < 0) return steps[draw(steps.length)]!(cache, { draw, index });
  }
  throw new Error('the shares of a profile are less than 100');
}
