import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { createIdentity } from '../../main/engine/process-identity.ts';
import { type Claim, claim, reclaimLost, settle } from '../../main/queue/attempts.ts';
import { getJob, listJobs, removeJob, retryJob } from '../../main/queue/jobs.ts';
import { enqueueMany, rebuildSchedule } from '../../main/queue/schedule.ts';
import { openTables } from '../../main/queue/tables.ts';
import { getCounters, inTransaction, type OpenQueue } from '../../main/queue/transaction.ts';
import { parseRetry } from '../../main/queue/worker-options.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { ModelQueue } from './model-queue.ts';

const LEASE_MS = 100;
const MAX_ATTEMPTS = 2;
const smallRange = { min: 0, max: 2 };
const optionalNumber = fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined, freq: 2 });

/** The operation of one step, as data. */
const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('enqueue' as const),
      delay: fc.constantFrom(0, 0, 30, 60),
      priority: fc.integer(smallRange),
      group: optionalNumber,
      dedupeKey: optionalNumber,
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
/** Most steps run alone, some in one transaction. */
const BATCH = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(STEP) },
  { weight: 1, arbitrary: fc.array(STEP, { minLength: 2, maxLength: 5 }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never;

/** Does the same to a queue on disk and to the model. */
class QueuePair {
  readonly model = new ModelQueue();
  readonly #core: OpenQueue;
  readonly #claims: Claim[] = [];
  readonly #isExclusive: boolean;
  #compared = 1;

  /** Jobs are listed after each step; with `isExclusive` rarely, since a list applies the journal. */
  constructor(index: Index, isExclusive: boolean) {
    this.#isExclusive = isExclusive;
    this.#core = {
      index,
      tables: openTables(index, isExclusive),
      clock: () => this.model.now,
      rebuildSchedule,
      transaction: undefined,
    };
  }

  /** In one transaction, in which time does not pass. */
  doTogether(steps: readonly Step[]): void {
    const all = () => {
      for (const step of steps) {
        this.do(step);
        this.compare();
      }
    };
    if (steps.length === 1 || steps.some(({ what }) => what === 'wait')) all();
    else inTransaction(this.#core, all);
    this.compare();
  }

  do(step: Step): void {
    const core = this.#core;
    const { model } = this;
    switch (step.what) {
      case 'enqueue': {
        const { delay, priority, group, dedupeKey } = step;
        const options = { ...(group !== undefined && { group }), ...(dedupeKey !== undefined && { dedupeKey }) };
        const [added] = enqueueMany(core, [{ payload: 'x', delay, priority, ...options }]);
        expect(added).toEqual(model.enqueue(delay, priority, group, dedupeKey));
        break;
      }
      case 'claim': {
        const claims = inTransaction(core, (it) => {
          const found = claim(it, step.worker, step.count);
          const row = { ...createIdentity(step.worker), until: it.now + LEASE_MS };
          if (found.length > 0) it.tables.workers.put([step.worker], row);
          return found;
        });
        const expected = model.claim(step.worker, LEASE_MS, step.count);
        expect(claims.map(({ id, ticket, attempt }) => ({ id, ticket, attempt }))).toEqual(expected);
        this.#claims.push(...claims);
        break;
      }
      case 'settle': {
        // Also one that was already settled or lost: it must have no effect.
        const held = this.#claims.at(-1 - (step.nth % Math.max(1, this.#claims.length)));
        if (held === undefined) break;
        const { ending } = step;
        const retryDelayMs = typeof ending === 'number' ? ending : undefined;
        const whole = ending === 'done' || ending === 'returned' ? ending : undefined;
        const failure = { attempt: held.attempt, error: 'no', retryDelayMs };
        const settled = inTransaction(core, (it) => settle(it, held, whole ?? failure));
        expect(settled).toBe(model.settle(held, whole ?? { rest: retryDelayMs }));
        break;
      }
      case 'rebuild':
        // Nothing is damaged, so nothing may change.
        inTransaction(core, rebuildSchedule);
        model.promote();
        break;
      case 'wait':
        model.now += step.ms;
        break;
      case 'takeOver':
        inTransaction(core, (it) => reclaimLost(it, step.self, parseRetry({ attempts: MAX_ATTEMPTS })));
        model.takeOver(step.self, MAX_ATTEMPTS);
        break;
      case 'remove':
        expect(removeJob(core, step.id)).toBe(model.remove(step.id));
        break;
      case 'retry':
        this.#retry(step.id);
    }
  }

  #retry(id: number): void {
    const expected = this.model.retry(id);
    if (expected !== undefined) expect(retryJob(this.#core, id)).toBe(expected);
    else expect(() => retryJob(this.#core, id)).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
  }

  compare(): void {
    const core = this.#core;
    expect(getCounters(core)).toMatchObject(this.model.counts());
    if (this.#isExclusive && this.#compared++ % 8 !== 0) return;
    expect(
      Array.from(
        listJobs(() => core, 'ready'),
        ({ id }) => id,
      ),
    ).toEqual(this.model.ready().map(({ id }) => id));
    for (const { id, state, attempts } of this.model.jobs) expect(getJob(core, id)).toMatchObject({ state, attempts });
  }

  /** When all jobs are gone, so are all rows about them. */
  expectNothingLeft(): void {
    for (const { id } of [...this.model.jobs]) this.do({ what: 'remove', id });
    this.compare();
    const left = Array.from(this.#core.index.keys(), (key) => (key as readonly unknown[])[0]);
    expect(left.filter((name) => name !== 'tally' && name !== 'worker')).toEqual([]);
  }
}

it.each([
  ['a queue', false],
  ['a queue of one process', true],
])('%s behaves like the model for any sequence of operations', { timeout: 60_000 }, (_, exclusive) => {
  fc.assert(
    fc.property(fc.array(BATCH, { minLength: 8, maxLength: 50, size: 'max' }), (transactions) => {
      using index = new Index(freshDirectory(), { durability: 'process', exclusive });
      const pair = new QueuePair(index, exclusive);
      for (const steps of transactions) pair.doTogether(steps);
      pair.expectNothingLeft();
    }),
    { numRuns: Number(process.env['QUEUE_RUNS'] ?? 25) },
  );
});
