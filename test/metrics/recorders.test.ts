import { describe, expect, it } from 'vitest';
import { toStoreLabel } from '../../main/metrics/counted-stores.ts';
import { DURATION_BOUNDS_MS, DurationRecorder } from '../../main/metrics/duration-recorder.ts';
import { CountsByLabel } from '../../main/metrics/labels.ts';

describe('a histogram of durations', () => {
  it('counts each duration in the first bucket whose bound it does not exceed', () => {
    for (const [bucket, bound] of DURATION_BOUNDS_MS.entries()) {
      const recorder = new DurationRecorder();
      recorder.record(bound);
      recorder.record(bound + 1e-9);
      const { counts } = recorder.read();
      expect([counts[bucket], counts[bucket + 1]]).toEqual([1, 1]);
    }
  });

  it('has count, sum and maximum of all, and one bucket more than bounds', () => {
    const recorder = new DurationRecorder();
    for (const ms of [0, 3, 1e9]) recorder.record(ms);
    const read = recorder.read();
    expect(read).toMatchObject({ count: 3, sumMs: 1e9 + 3, maxMs: 1e9, boundsMs: DURATION_BOUNDS_MS });
    expect(read.counts).toHaveLength(DURATION_BOUNDS_MS.length + 1);
    expect(read.counts.at(-1)).toBe(1);
    expect(DURATION_BOUNDS_MS).toEqual([...DURATION_BOUNDS_MS].sort((a, b) => a - b));
  });

  it('returns a copy, which later durations do not change', () => {
    const recorder = new DurationRecorder();
    const before = recorder.read();
    recorder.record(1);
    expect(before.counts.every((count) => count === 0)).toBe(true);
  });
});

describe('counts by label', () => {
  it('keep a bounded number of labels, and count the rest together', () => {
    const counts = new CountsByLabel();
    for (let n = 0; n < 10_000; n++) counts.add(`label ${n}`);
    counts.add('label 0');
    const read = counts.read();
    expect(Object.keys(read).length).toBeLessThan(300);
    expect(read['label 0']).toBe(2);
    expect(Object.values(read).reduce((sum, count) => sum + count, 0)).toBe(10_001);
  });

  it('may be named like members of every object', () => {
    const counts = new CountsByLabel();
    for (const label of ['__proto__', 'constructor']) counts.add(label);
    expect(Object.entries(counts.read())).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
    ]);
  });
});

it.each([
  ['/app/deskcache/api', { kind: 'store', name: 'api' }],
  ['/app/deskcache/many/003', { kind: 'store', name: 'many' }],
  ['/app/deskcache/_queues/outbox', { kind: 'queue', name: 'outbox' }],
  ['/app/deskcache', undefined],
  ['/app/deskcache-2/api', undefined],
  ['/elsewhere', undefined],
])('a directory of a host is that of a store or a queue: %s', (directory, label) => {
  expect(toStoreLabel('/app/deskcache', directory)).toEqual(label);
});
