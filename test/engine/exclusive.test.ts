import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

const alreadyOpen = errorMatching('BUSY', /already open in this thread, with exclusive.*exclusive: false/);

describe('a directory that this thread has open with exclusive', () => {
  it('can’t be opened again until it is closed, and no call waits for that', () => {
    const directory = freshDirectory();
    const owner = new Cache(directory, { exclusive: true });
    owner.set('k', 1);
    // Waiting without limit would never end.
    for (const options of [{}, { readOnly: true }, { exclusive: true }])
      expect(() => new Cache(directory, { timeout: Number.POSITIVE_INFINITY, ...options })).toThrow(alreadyOpen);
    expect(owner.get('k')).toBe(1);
    owner.close();
    using next = new Cache(directory);
    expect(next.get('k')).toBe(1);
  });

  it('is known for each shard of a fanout and for collections', () => {
    const [many, prefs] = [freshDirectory(), freshDirectory()];
    using _fanout = new FanoutCache(many, { shards: 2, exclusive: true });
    using _index = new Index(prefs, { exclusive: true });
    expect(() => new FanoutCache(many)).toThrow(alreadyOpen);
    expect(() => new Index(prefs)).toThrow(alreadyOpen);
  });

  it.skipIf(process.platform === 'win32')('can be opened again once it was deleted', () => {
    const directory = freshDirectory();
    const lost = new Cache(directory, { exclusive: true });
    lost.set('k', 1);
    rmSync(directory, { recursive: true });
    using next = new Cache(directory, { exclusive: true });
    next.set('k', 2);
    try {
      lost.close();
    } catch {
      // Its files are gone.
    }
    expect(() => new Cache(directory)).toThrow(alreadyOpen);
    expect(next.get('k')).toBe(2);
  });
});

it('opening with exclusive a directory that is open elsewhere fails and says how to share it', () => {
  const directory = freshDirectory();
  using shared = new Cache(directory);
  expect(() => new Cache(directory, { exclusive: true, timeout: 0 })).toThrow(
    errorMatching('BUSY', 'exclusive: false'),
  );
  shared.set('k', 1);
  expect(shared.get('k')).toBe(1);
});

describe('a directory that this thread has open without exclusive', () => {
  it('is refused to an opening with exclusive at once, because waiting could not help', () => {
    const directory = freshDirectory();
    const shared = new Cache(directory);
    const second = new Cache(directory);
    // Waiting without limit would never end.
    const open = () => new Cache(directory, { exclusive: true, timeout: Number.POSITIVE_INFINITY });
    expect(open).toThrow(errorMatching('BUSY', /already open in this thread, without exclusive.*exclusive: false/));
    shared.close();
    expect(open).toThrow(errorMatching('BUSY'));
    second.close();
    using owner = open();
    owner.set('k', 1);
    expect(owner.get('k')).toBe(1);
  });

  it.skipIf(process.platform === 'win32')('can be opened with exclusive once it was deleted', () => {
    const directory = freshDirectory();
    const lost = new Cache(directory);
    lost.set('k', 1);
    rmSync(directory, { recursive: true });
    using next = new Cache(directory, { exclusive: true, timeout: 0 });
    next.set('k', 2);
    try {
      lost.close();
    } catch {
      // Its files are gone.
    }
    expect(next.get('k')).toBe(2);
  });
});
