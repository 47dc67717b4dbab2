import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WindowShards } from '../../main/electron/window-stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';

const names = (windows: WindowShards) => windows.list().map(({ name, lifetime, isOpen }) => [name, lifetime, isOpen]);

describe('the windows’ own data', () => {
  it('belongs to each window, and is there again after a restart', () => {
    const directory = freshDirectory();
    const first = new WindowShards(directory);
    const [main, panel] = [first.attach('main', 'persistent'), first.attach('../main', 'persistent')];
    main.open().set('scroll', 120);
    panel.open().set('scroll', 7);
    expect(main.open().get('scroll')).toBe(120);
    first.close();
    const second = new WindowShards(directory);
    expect(names(second)).toEqual([
      ['../main', 'persistent', false],
      ['main', 'persistent', false],
    ]);
    expect(second.attach('main', 'persistent').open().get('scroll')).toBe(120);
    expect(second.attach('other', 'persistent').open().get('scroll')).toBeUndefined();
    second.close();
  });

  it('is deleted with the last window of its name, if its lifetime is the session', () => {
    const windows = new WindowShards(freshDirectory());
    const holds = [windows.attach('panel', 'session'), windows.attach('panel', 'session')] as const;
    holds[0].open().set('tab', 2);
    expect(holds[1].open().get('tab')).toBe(2);
    holds[0].release();
    holds[0].release();
    expect(holds[1].open().get('tab')).toBe(2);
    expect(() => holds[0].open()).toThrow(errorMatching('CLOSED'));
    holds[1].release();
    expect(windows.list()).toEqual([]);
    expect(windows.attach('panel', 'session').open().size).toBe(0);
    windows.close();
  });

  it('of session windows that were open in a crash is deleted at the next start', () => {
    const directory = freshDirectory();
    const crashed = new WindowShards(directory);
    crashed.attach('panel', 'session').open().set('tab', 2);
    crashed.attach('panel', 'persistent').open().set('tab', 3);
    crashed.close();
    const windows = new WindowShards(directory);
    expect(names(windows)).toEqual([['panel', 'persistent', false]]);
    windows.close();
  });

  it('can be measured, and cleared for one name or for all', () => {
    const windows = new WindowShards(freshDirectory());
    const main = windows.attach('main', 'persistent');
    main.open().set('large', new Uint8Array(300_000));
    const gone = windows.attach('gone', 'persistent');
    gone.open().set('k', 1);
    gone.release();
    const bytes = () => windows.list().map((shard) => [shard.name, shard.isOpen, shard.bytes > 300_000]);
    expect(bytes()).toEqual([
      ['gone', false, false],
      ['main', true, true],
    ]);
    windows.clear('main');
    expect(main.open().get('large')).toBeUndefined();
    expect(bytes()).toEqual([
      ['gone', false, false],
      ['main', true, false],
    ]);
    windows.clear();
    expect(names(windows)).toEqual([['main', 'persistent', true]]);
    windows.close();
  });

  it('stays within one limit', () => {
    const windows = new WindowShards(freshDirectory(), { sizeLimit: 2_000_000 });
    const shards = ['a', 'b', 'c', 'd'].map((name) => windows.attach(name, 'persistent').open());
    for (let n = 0; n < 9; n++) for (const shard of shards) shard.set(n, new Uint8Array(100_000));
    const total = windows.list().reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeLessThan(2_200_000);
    for (const shard of shards) expect(shard.get(8)).toBeDefined();
    windows.close();
  });

  it('is closed with its host', () => {
    const windows = new WindowShards(freshDirectory());
    const hold = windows.attach('main', 'persistent');
    hold.open().set('k', 1);
    windows.close();
    for (const call of [() => windows.list(), () => windows.clear(), () => hold.open()]) {
      expect(call).toThrow(errorMatching('CLOSED'));
    }
  });

  it('uses no disk space before the first write', () => {
    const directory = join(freshDirectory(), 'windows');
    const windows = new WindowShards(directory);
    windows.attach('main', 'persistent').release();
    expect([windows.list(), existsSync(directory)]).toEqual([[], false]);
    windows.close();
    expect(() => windows.attach('main', 'a while' as never)).toThrow(/persistent or session/);
  });
});
