import { describe, expect, it } from 'vitest';
import { DiskCacheError } from '../../protocol/error.ts';
import { hideDirectory, redactDirectories, toPageErrorData } from '../../protocol/redaction.ts';

hideDirectory('/srv/Ada Lovelace #1/App/store');
hideDirectory('C:\\Users\\Ada Lovelace\\App\\store');

describe('a text for pages names no directory', () => {
  it.each([
    ['/srv/Ada Lovelace #1/App/store/api/cache.db is damaged', 'api/cache.db is damaged'],
    ["open '/srv/Ada Lovelace #1/App/store'", "open 'the directory of the application'"],
    ['file:///srv/Ada%20Lovelace%20%231/App/store/stores.js failed', 'stores.js failed'],
    ['C:\\Users\\Ada Lovelace\\App\\store\\api\\cache.db', 'api\\cache.db'],
    ['c:\\users\\ada lovelace\\app\\store\\api', 'api'],
    ['C:/Users/Ada Lovelace/App/store/api', 'api'],
    ['file:///C:/Users/Ada%20Lovelace/App/store/api', 'api'],
    [JSON.stringify('C:\\Users\\Ada Lovelace\\App\\store\\api'), '"api"'],
  ])('of the application: %s', (text, shown) => {
    expect(redactDirectories(text)).toBe(shown);
  });

  it.each([
    ["ENOENT: no such file, open '/home/ada/other place/a.txt'", "ENOENT: no such file, open 'a.txt'"],
    ['Cannot find /opt/App of Ada/resources/x.node or /usr/lib/y.so', 'Cannot find x.node or y.so'],
    ['file:///home/ada/a%20b/c.js:12', 'c.js:12'],
    ['EBUSY: D:\\Ada\\My files\\x.db is in use', 'EBUSY: x.db is in use'],
    ['\\\\server\\ada\\x.db', 'x.db'],
    ['it failed\n    at open (/home/ada/app/main.js:1:2)\n    at next', 'it failed'],
  ])('of anything else: %s', (text, shown) => {
    expect(redactDirectories(text)).toBe(shown);
  });

  it.each([
    "No item 'a/b/c' and no '/api/users/1'",
    'https://example.org/home/ada/x answered 500',
    'deskcache://api/tmp/x',
    'read and/or write; 1/2 done',
    'step 1: /',
  ])('and stays as it is without one: %s', (text) => {
    expect(redactDirectories(text)).toBe(text);
  });

  it('is checked in a time that a page can’t increase', () => {
    const started = performance.now();
    for (const odd of ['\n', '/tmp/', '/tmp/ ', 'a:/', '\\\\', 'file://', '/tmp/x '])
      redactDirectories(odd.repeat(100_000 / odd.length));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('an error for pages', () => {
  it('shows of the file of a system error its name, wherever it is', () => {
    const path = '/workspace/of ada/deep/a.val';
    const system = Object.assign(new Error(`EIO: i/o error, read '${path}'`), { path, syscall: 'read' });
    const shown = toPageErrorData(new DiskCacheError('CORRUPT', `Reading ${path} failed`, { cause: system }));
    expect(shown).toEqual({
      code: 'CORRUPT',
      message: 'Reading a.val failed',
      cause: "Error: EIO: i/o error, read 'a.val'",
    });
    expect(toPageErrorData(system).message).toBe("Unusable argument: Error: EIO: i/o error, read 'a.val'");
  });
});
