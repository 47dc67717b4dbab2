import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PendingItem, PendingItems } from '../../main/engine/journal/pending.ts';
import { mergePending, PendingRecords } from '../../main/engine/journal/pending-records.ts';
import { RecordWriter } from '../../main/engine/journal/record.ts';

const key = fc.constantFrom('a', 'b', 'ä key', 7, Uint8Array.of(1, 2));
const column = fc.oneof(fc.string({ maxLength: 40 }), fc.double(), fc.uint8Array({ maxLength: 500 }));
const time = fc.integer({ min: 0, max: 20 });
const setOrDelete = fc.record({
  key,
  kind: fc.constantFrom('set', 'delete', 'touch'),
  expiresAt: fc.option(time),
  now: time,
  data: column,
  tag: fc.option(fc.oneof(fc.string({ maxLength: 10 }), fc.double()), { nil: null }),
  numbers: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
});

type Drawn = typeof setOrDelete extends fc.Arbitrary<infer T> ? T : never;

function toChange({ key, kind, expiresAt, now, data, tag, numbers: [mode, stamp, check, size] }: Drawn, id: number) {
  const isSet = kind === 'set';
  const item = new PendingItem(
    key,
    kind === 'delete',
    isSet ? mode : 0,
    isSet ? id : 0,
    kind === 'delete' ? null : expiresAt,
    now,
    stamp,
    isSet ? check : 0,
    isSet ? size : 0,
    isSet ? tag : null,
    isSet ? data : null,
  );
  item.isTouch = kind === 'touch';
  return item;
}

/** Everything about the items, in the order of their keys' first changes. */
const describeItems = (items: readonly PendingItem[]): object[] =>
  items.map((item) => ({ ...item, data: typeof item.data === 'object' ? item.data && [...item.data] : item.data }));

function addRecord(records: PendingRecords, changes: readonly PendingItem[]): void {
  const writer = new RecordWriter();
  writer.begin();
  for (const change of changes) writer.add(change);
  writer.finish(1);
  if (changes.length === 1) records.addOne(writer, changes[0]!);
  else records.add(writer, changes);
}

describe('changes that are kept as bytes', () => {
  it('come to the same as changes that are kept as objects', () => {
    fc.assert(
      fc.property(fc.array(fc.array(setOrDelete, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (blocks) => {
        const items = new PendingItems();
        const records = new PendingRecords();
        let id = 0;
        for (const block of blocks) {
          const drawn = block.map((change) => [change, ++id] as const);
          addRecord(
            records,
            drawn.map((pair) => toChange(...pair)),
          );
          for (const pair of drawn) items.add(toChange(...pair));
        }
        expect(describeItems(records.items())).toEqual(describeItems(items.items()));
        for (const item of items.items()) expect(records.get(item.key)?.id).toBe(item.id);
        expect(records.get('missing')).toBeUndefined();
      }),
    );
  });

  it('are found in thousands, also after their memory was used by an earlier file', () => {
    for (const round of [1, 2]) {
      const records = new PendingRecords();
      for (let nth = 0; nth < 5000; nth++)
        addRecord(records, [new PendingItem(`key ${nth}`, false, 1, nth, null, 0, 0, 0, 9, null, `${round} ${nth}`)]);
      for (let nth = 0; nth < 5000; nth++) expect(records.get(`key ${nth}`)?.data).toBe(`${round} ${nth}`);
      records.release();
    }
  });

  it('of two files come to what the later one says', () => {
    const [older, newer] = [new PendingRecords(), new PendingRecords()];
    const item = (id: number, data: string) => new PendingItem('k', false, 1, id, null, 0, 0, 0, 1, null, data);
    addRecord(older, [item(1, 'one')]);
    addRecord(newer, [item(2, 'two')]);
    expect(describeItems(mergePending([older, undefined, newer]).items())).toMatchObject([
      { id: 1, data: 'two', isFresh: false, wasUpdated: true },
    ]);
  });
});
