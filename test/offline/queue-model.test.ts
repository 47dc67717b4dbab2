import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { newOwner } from '../../main/engine/owner.ts';
import { scheduleOf } from '../../main/offline/queue/backoff.ts';
import { type Claim, claim, takeOver } from '../../main/offline/queue/claim.ts';
import { enqueueMany } from '../../main/offline/queue/enqueue.ts';
import { jobsIn, look, remove, retry } from '../../main/offline/queue/look.ts';
import { rebuild } from '../../main/offline/queue/mend.ts';
import { settle } from '../../main/offline/queue/settle.ts';
import { shelvesIn } from '../../main/offline/queue/shelves.ts';
import { type Core, inOneStep, tallyOf } from '../../main/offline/queue/step.ts';
import { freshDirectory } from '../engine/directory.ts';
import { PlainQueue } from './queue-plain.ts';

const LEASE = 100;
const ATTEMPTS = 2;
const few = { min: 0, max: 2 };
const perhaps = fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined, freq: 2 });

/** What is done in one step, as data. */
const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('enqueue' as const),
      delay: fc.constantFrom(0, 0, 30, 60),
      priority: fc.integer(few),
      group: perhaps,
      dedupeKey: perhaps,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('claim' as const),
      worker: fc.constantFrom('a', 'b'),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('settle' as const),
      nth: fc.nat(5),
      ending: fc.constantFrom('done' as const, 'returned' as const, 0, 40, 'dead' as const, 'dead' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('rebuild' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.constantFrom(10, 30, 120) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('takeOver' as const), self: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('remove' as const), id: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('retry' as const), id: fc.integer({ min: 1, max: 8 }) }) },
);
/** Most alone, some in one transaction. */
const TOGETHER = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(STEP) },
  { weight: 1, arbitrary: fc.array(STEP, { minLength: 2, maxLength: 5 }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never;

/** Does the same to a queue on disk and to the plain one. */
class Pair {
  readonly plain = new PlainQueue();
  readonly #core: Core;
  readonly #claims: Claim[] = [];

  constructor(index: Index) {
    this.#core = { index, shelves: shelvesIn(index), clock: () => this.plain.now, restore: rebuild, step: undefined };
  }

  /** In one transaction, where time stands still. */
  doTogether(steps: readonly Step[]): void {
    const all = () => {
      for (const step of steps) {
        this.do(step);
        this.compare();
      }
    };
    if (steps.length === 1 || steps.some(({ what }) => what === 'wait')) all();
    else inOneStep(this.#core, all);
    this.compare();
  }

  do(step: Step): void {
    const core = this.#core;
    const { plain } = this;
    switch (step.what) {
      case 'enqueue': {
        const { delay, priority, group, dedupeKey } = step;
        const options = { ...(group !== undefined && { group }), ...(dedupeKey !== undefined && { dedupeKey }) };
        const [added] = enqueueMany(core, [{ payload: 'x', delay, priority, ...options }]);
        expect(added).toEqual(plain.enqueue(delay, priority, group, dedupeKey));
        break;
      }
      case 'claim': {
        const claims = inOneStep(core, (it) => {
          const found = claim(it, step.worker, step.count);
          const row = { ...newOwner(step.worker), until: it.now + LEASE };
          if (found.length > 0) it.shelves.workers.put([step.worker], row);
          return found;
        });
        const expected = plain.claim(step.worker, LEASE, step.count);
        expect(claims.map(({ id, ticket, attempt }) => ({ id, ticket, attempt }))).toEqual(expected);
        this.#claims.push(...claims);
        break;
      }
      case 'settle': {
        // Also one that was settled or lost before: nothing may come of it.
        const held = this.#claims.at(-1 - (step.nth % Math.max(1, this.#claims.length)));
        if (held === undefined) break;
        const { ending } = step;
        const rest = typeof ending === 'number' ? ending : undefined;
        const whole = ending === 'done' || ending === 'returned' ? ending : undefined;
        const failure = { attempt: held.attempt, error: 'no', rest };
        const settled = inOneStep(core, (it) => settle(it, held, whole ?? failure));
        expect(settled).toBe(plain.settle(held, whole ?? { rest }));
        break;
      }
      case 'rebuild':
        // Nothing is damaged, so nothing else may change.
        inOneStep(core, rebuild);
        plain.promote();
        break;
      case 'wait':
        plain.now += step.ms;
        break;
      case 'takeOver':
        inOneStep(core, (it) => takeOver(it, step.self, scheduleOf({ attempts: ATTEMPTS })));
        plain.takeOver(step.self, ATTEMPTS);
        break;
      case 'remove':
        expect(remove(core, step.id)).toBe(plain.remove(step.id));
        break;
      case 'retry':
        this.#retry(step.id);
    }
  }

  #retry(id: number): void {
    const expected = this.plain.retry(id);
    if (expected !== undefined) expect(retry(this.#core, id)).toBe(expected);
    else expect(() => retry(this.#core, id)).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
  }

  compare(): void {
    const core = this.#core;
    expect(tallyOf(core)).toMatchObject(this.plain.counts());
    expect(
      Array.from(
        jobsIn(() => core, 'ready'),
        ({ id }) => id,
      ),
    ).toEqual(this.plain.ready().map(({ id }) => id));
    for (const { id, state, attempts } of this.plain.jobs) expect(look(core, id)).toMatchObject({ state, attempts });
  }

  /** When all jobs are gone, so is all that was known of them. */
  expectNothingLeft(): void {
    for (const { id } of [...this.plain.jobs]) this.do({ what: 'remove', id });
    this.compare();
    const left = Array.from(this.#core.index.keys(), (key) => (key as readonly unknown[])[0]);
    expect(left.filter((name) => name !== 'tally' && name !== 'worker')).toEqual([]);
  }
}

it('a queue does what a plain one does, whatever is done to it', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(TOGETHER, { minLength: 8, maxLength: 50, size: 'max' }), (transactions) => {
      using index = new Index(freshDirectory(), { durability: 'process' });
      const pair = new Pair(index);
      for (const steps of transactions) pair.doTogether(steps);
      pair.expectNothingLeft();
    }),
    { numRuns: Number(process.env['QUEUE_RUNS'] ?? 25) },
  );
});
