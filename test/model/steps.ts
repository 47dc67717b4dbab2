import fc from 'fast-check';
import type { Key } from '../../protocol/key.ts';
import type { QueueOptions, Range, SetOptions } from '../../protocol/options.ts';
import { someKey, someValue } from './samples.ts';
import type { Store } from './store.ts';

/** The methods whose arguments are plain data. */
type StoreMethod = Exclude<keyof Store, 'update' | 'transact' | 'size' | 'keys' | 'values' | 'entries' | 'page'>;
type CallStep = { [V in StoreMethod]: { readonly verb: V; readonly args: Parameters<Store[V]> } }[StoreMethod];

/** The updater passed to `update`. */
export type UpdateBehaviour = 'wrap' | 'keep' | 'fail' | 'unfit';

export type StoreStep =
  | CallStep
  | { readonly verb: 'size' }
  | { readonly verb: 'keys' | 'values' | 'entries' | 'pages'; readonly range: Range }
  | {
      readonly verb: 'update';
      readonly key: Key;
      readonly next: UpdateBehaviour;
      readonly options: SetOptions | undefined;
    }
  | { readonly verb: 'advance'; readonly ms: number }
  /** One after the other, all on one key, so that values just read are in memory. */
  | { readonly verb: 'series'; readonly steps: readonly StoreStep[] }
  | { readonly verb: 'transact'; readonly steps: readonly StoreStep[]; readonly fails: boolean }
  /** Iterates over a range and takes the next step at each item, in some cases after deleting the item. */
  | { readonly verb: 'walk'; readonly range: Range; readonly steps: readonly StoreStep[]; readonly deletes: boolean };

/** Steps that are not taken inside a transaction. */
export type StoreMove = StoreStep | { readonly verb: 'reopen' } | { readonly verb: 'switch' };

const ttl = fc.constantFrom(-1, 0, 1, 2.5, 10, 30, 100, Number.POSITIVE_INFINITY);
const tag = fc.constantFrom<string | number>('news', 'old', '7', 7, 0.5);
const side = fc.constantFrom('front' as const, 'back' as const);
const prefix = fc.constantFrom<Key>(null, 'jobs', ['jobs'], ['jobs', 'urgent'], '', 7);

const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
/** The walk begins in 2026. */
const expiresAt = fc.constantFrom(
  ...[0, -5, 1, 20, 100].map((ms) => Date.UTC(2026, 0, 1) + ms),
  ...[0, -1e300, 1e300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
);
const setOptions: fc.Arbitrary<SetOptions | undefined> = some(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ ttl, tag }, { requiredKeys: [] }) },
    { weight: 2, arbitrary: fc.record({ expiresAt, tag }, { requiredKeys: [] }) },
    { weight: 1, arbitrary: fc.record({ ttl, expiresAt }) },
  ),
);
const queueOptions: fc.Arbitrary<QueueOptions | undefined> = some(fc.record({ prefix, side }, { requiredKeys: [] }));
const pushOptions = some(fc.record({ prefix, side, ttl, expiresAt, tag }, { requiredKeys: [] }));
const direction = { order: fc.constantFrom('stored' as const, 'key' as const), reverse: fc.boolean() };
const keyPrefix = fc.constantFrom<Key>('', 'a', '\uffff', [], ['user'], ['user', 42], ['jobs'], [[1]]);
const range: fc.Arbitrary<Range> = fc.record(
  {
    ...direction,
    from: someKey,
    to: someKey,
    prefix: keyPrefix,
    tag,
    limit: fc.constantFrom(0, 1, 2.5, 5, 20),
  },
  { requiredKeys: [] },
);

const call = <V extends StoreMethod>(verb: V, args: fc.Arbitrary<Parameters<Store[V]>>): fc.Arbitrary<StoreStep> =>
  args.map((given) => ({ verb, args: given }) as unknown as CallStep);
const none = fc.constant<[]>([]);

const keys = fc.array(someKey, { maxLength: 4 });
const delta = some(fc.constantFrom(1, -1, 2, 0.5, 0, Number.NaN, Number.MAX_SAFE_INTEGER));
const countOptions = some(fc.record({ default: fc.constantFrom(10, 0.5) }, { requiredKeys: [] }));

const write: fc.Arbitrary<StoreStep> = fc.oneof(
  { weight: 24, arbitrary: call('set', fc.tuple(someKey, someValue, setOptions)) },
  {
    weight: 3,
    arbitrary: call(
      'setMany',
      fc.tuple(fc.array(fc.tuple(someKey, someValue, setOptions), { maxLength: 4 }), setOptions) as never,
    ),
  },
  { weight: 4, arbitrary: call('add', fc.tuple(someKey, someValue, setOptions)) },
  {
    weight: 4,
    arbitrary: call('touch', fc.tuple(someKey, some(fc.oneof(fc.record({ ttl }), fc.record({ expiresAt }))))),
  },
  { weight: 2, arbitrary: call('incr', fc.tuple(someKey, delta, countOptions)) },
  { weight: 1, arbitrary: call('decr', fc.tuple(someKey, delta, countOptions)) },
  { weight: 6, arbitrary: call('delete', fc.tuple(someKey)) },
  { weight: 2, arbitrary: call('deleteMany', fc.tuple(keys, some(fc.record({ each: fc.boolean() }))) as never) },
  { weight: 1, arbitrary: call('deletePrefix', fc.tuple(fc.oneof(keyPrefix, fc.constant<Key>(7)))) },
  { weight: 1, arbitrary: call('clear', fc.tuple(fc.record({ prefix: keyPrefix }))) },
  { weight: 3, arbitrary: call('pop', fc.tuple(someKey)) },
  { weight: 5, arbitrary: call('push', fc.tuple(someValue, pushOptions)) },
  { weight: 4, arbitrary: call('pull', fc.tuple(queueOptions)) },
  { weight: 1, arbitrary: call('expire', none) },
  { weight: 1, arbitrary: call('cull', none) },
  { weight: 1, arbitrary: call('evict', fc.tuple(tag)) },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constant('update' as const),
      key: someKey,
      next: fc.constantFrom<UpdateBehaviour>('wrap', 'wrap', 'wrap', 'keep', 'keep', 'keep', 'fail', 'unfit'),
      options: setOptions,
    }),
  },
);

const read: fc.Arbitrary<StoreStep> = fc.oneof(
  { weight: 12, arbitrary: call('get', fc.tuple(someKey)) },
  { weight: 2, arbitrary: call('getMany', fc.tuple(keys)) },
  { weight: 3, arbitrary: call('getEntry', fc.tuple(someKey)) },
  { weight: 3, arbitrary: call('has', fc.tuple(someKey)) },
  { weight: 1, arbitrary: call('hasMany', fc.tuple(keys)) },
  { weight: 2, arbitrary: call('peek', fc.tuple(queueOptions)) },
  { weight: 2, arbitrary: call('peekItem', fc.tuple(some(fc.record({ last: fc.boolean() })))) },
  { weight: 1, arbitrary: call('stats', fc.tuple(fc.constant(undefined))) },
  { weight: 3, arbitrary: fc.constant({ verb: 'size' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ verb: fc.constantFrom('keys' as const, 'values', 'entries', 'pages'), range }),
  },
);

const advance = fc.record({ verb: fc.constant('advance' as const), ms: fc.constantFrom(1, 3, 10, 40) });

const series: fc.Arbitrary<StoreStep> = fc
  .record({
    key: someKey,
    value: someValue,
    ttl,
    verbs: fc.array(fc.constantFrom('get' as const, 'get', 'get', 'set', 'keep', 'touch', 'delete', 'advance'), {
      maxLength: 8,
      size: 'max',
    }),
  })
  .map(({ key, value, ttl, verbs }) => {
    const onKey: { readonly [verb in (typeof verbs)[number]]: StoreStep } = {
      get: { verb: 'get', args: [key] },
      set: { verb: 'set', args: [key, value, { ttl }] },
      keep: { verb: 'set', args: [key, 'kept'] },
      touch: { verb: 'touch', args: [key, { ttl }] },
      delete: { verb: 'delete', args: [key] },
      advance: { verb: 'advance', ms: 3 },
    };
    return { verb: 'series', steps: verbs.map((verb) => onKey[verb]) };
  });

const { step } = fc.letrec<{ step: StoreStep; plain: StoreStep }>((tie) => ({
  plain: fc.oneof({ weight: 5, arbitrary: write }, { weight: 3, arbitrary: read }),
  step: fc.oneof(
    { maxDepth: 4, depthSize: 'max' },
    { weight: 300, arbitrary: tie('plain') },
    { weight: 20, arbitrary: advance },
    { weight: 40, arbitrary: series },
    {
      weight: 15,
      arbitrary: fc.record({
        verb: fc.constant('transact' as const),
        steps: fc.array(tie('step'), { maxLength: 8, size: 'max' }),
        fails: fc.constantFrom(false, false, true),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        verb: fc.constant('walk' as const),
        range: fc.oneof(fc.record(direction), range),
        steps: fc.array(write, { maxLength: 12, size: 'max' }),
        deletes: fc.boolean(),
      }),
    },
  ),
}));

/** One step of a random walk; sometimes the store is cleared, reopened, or used through its other handle. */
export const move: fc.Arbitrary<StoreMove> = fc.oneof(
  { weight: 1500, arbitrary: step },
  { weight: 4, arbitrary: call('clear', none as never) },
  { weight: 4, arbitrary: call('stats', fc.tuple(fc.constant({ reset: true }))) },
  { weight: 1, arbitrary: fc.constant({ verb: 'reopen' as const }) },
  { weight: 90, arbitrary: fc.constant({ verb: 'switch' as const }) },
);
