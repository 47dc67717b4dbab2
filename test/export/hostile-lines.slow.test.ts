import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cache, Deque } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Gives the lines an end whose checksum is right, as an attacker would. */
function seal(lines: readonly string[]): string[] {
  let check = 0;
  for (const line of lines) check = crc32('\n', crc32(line, check));
  return [...lines, JSON.stringify({ end: true, items: lines.length - 1, crc32: check.toString(16).padStart(8, '0') })];
}

const HEADER = JSON.stringify({
  deskcache: 'export',
  version: 1,
  kind: 'cache',
  exportedAt: 1,
  items: 0,
  settings: {},
});

/** Every form of line. The times are fixed so that the export is always the same. */
async function exportSample(): Promise<string[]> {
  using source = new Cache(freshDirectory(), { clock: () => 1_700_000_000_000, sizeLimit: 1e8 });
  source.set('text', 'value', { tag: 'a', ttl: 1e12 });
  source.set(7, { a: [1, -0, undefined], when: new Date(0), map: new Map([[1, 2n]]) });
  source.set(new Uint8Array([1, 2]), new Float32Array([1.5]));
  const twice = [1];
  source.set(['tuple', 1n, null], [twice, twice, /a/g, new Set([1])]);
  source.push('job', { prefix: 'jobs' });
  source.set('large', new Uint8Array(1_100_000).fill(7));
  const lines: string[] = [];
  for await (const line of source.export()) lines.push(line);
  return lines;
}

interface Mutation {
  readonly kind: string;
  readonly at: number;
  readonly to: number;
  readonly text?: string;
}

function mutate(lines: readonly string[], { kind, at, to, text = '' }: Mutation): string[] {
  const line = lines[at] ?? '';
  switch (kind) {
    case 'drop':
      return lines.toSpliced(at, 1);
    case 'repeat':
      return lines.toSpliced(to, 0, line);
    case 'swap':
      return lines.map((it, nth) => (nth === at ? (lines[to] ?? '') : nth === to ? line : it));
    case 'cut':
      return lines.slice(0, at);
    default: {
      const changed = line.slice(0, to) + text + line.slice(to + (kind === 'insert' ? 0 : 1));
      return lines.map((it, nth) => (nth === at ? changed : it));
    }
  }
}

describe('an export', () => {
  it('has the frozen format', async () => {
    const lines = await exportSample();
    expect(lines.map((line) => (line.length > 300 ? `${line.length} characters` : line))).toMatchSnapshot();
    expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toMatchSnapshot();
  });
});

describe('lines that were changed', () => {
  it('are refused without changing anything, or are another valid export: 3000 mutations', async () => {
    const small = (await exportSample()).filter((line) => line.length < 500).slice(0, -1);
    const lines = seal([
      ...small.filter((line) => !line.includes('"large":"')),
      '{"at":90,"key":"bytes","large":"bytes","size":5}',
      '{"part":"AAAA"}',
      '{"part":"AAA="}',
      '{"at":91,"key":"json","large":"json","size":3}',
      '{"part":"WzFd"}',
    ]);
    using target = new Cache(freshDirectory());
    let refused = 0;
    const position = fc.nat(lines.length - 2);
    const mutation = fc.oneof(
      fc.record({ kind: fc.constantFrom('drop', 'repeat', 'swap', 'cut'), at: position, to: position }),
      fc.record({
        kind: fc.constantFrom('character', 'insert'),
        at: position,
        to: fc.nat(120),
        text: fc.oneof(
          fc.string({ minLength: 1, maxLength: 3 }),
          fc.constantFrom('{', '[', '"', '"__proto__":1,', '-', '9', '1e400', '{"$again":0}', 'null', '\\u0000'),
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean(), async (mutations, sealed) => {
        let changed: readonly string[] = lines.slice(0, -1);
        for (const step of mutations) {
          changed = mutate(changed, step);
        }
        target.clear();
        const given = sealed ? seal(changed) : [...changed, lines.at(-1)!];
        const items = given.filter((line) => line.includes('"at":')).length;
        try {
          const { imported, existing, expired, skipped } = await target.import(given);
          expect(imported + existing + expired + skipped.length).toBeLessThanOrEqual(items);
          for (const [key] of target.entries()) expect(target.getEntry(key)).toBeDefined();
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/CORRUPT|UNSUPPORTED_VERSION|BAD_OPTION|TOO_LARGE/),
          });
          expect([...target.keys()]).toEqual([]);
          refused++;
        }
      }),
      { numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(1000);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([
    ['a newer format', [HEADER.replace('"version":1', '"version":2')], 'UNSUPPORTED_VERSION'],
    ['another program', ['{"deskcache":"import"}'], 'CORRUPT'],
    ['another kind', [HEADER.replace('"cache"', '"deque"')], 'BAD_OPTION'],
    ['a line that is too long', [HEADER, `"${'x'.repeat(5e6)}"`], 'CORRUPT'],
    ['a key that is too long', [HEADER, JSON.stringify({ at: 1, key: 'x'.repeat(70_000), value: 1 })], 'CORRUPT'],
    ['an expiry of the wrong type', [HEADER, '{"at":1,"key":"a","value":1,"expiresAt":"soon"}'], 'CORRUPT'],
    ['a size without its bytes', [HEADER, '{"at":1,"key":"a","large":"text","size":2000000000}'], 'TOO_LARGE'],
    ['more bytes than it says', [HEADER, '{"at":1,"key":"a","large":"bytes","size":1}', '{"part":"AAAA"}'], 'CORRUPT'],
    ['a text that is not UTF-8', [HEADER, '{"at":1,"key":"a","large":"text","size":1}', '{"part":"/w=="}'], 'CORRUPT'],
    ['JSON nested without end', [HEADER, `{"at":1,"key":"a","value":${'['.repeat(1e5)}${']'.repeat(1e5)}}`], 'CORRUPT'],
  ])('%s: refused', async (_, lines, code) => {
    using target = new Cache(freshDirectory());
    await expect(target.import(seal(lines))).rejects.toMatchObject({ code });
    expect(target.size).toBe(0);
  });

  it('without the last line are noticed, also where they can be read only once', async () => {
    const lines = await exportSample();
    using target = new Cache(freshDirectory());
    const once = async function* () {
      yield* lines.slice(0, -1);
    };
    await expect(target.import(once())).rejects.toThrow(/without its last line/);
    expect(target.get('text')).toBe('value');
    await expect(target.import(() => lines.slice(0, -1))).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(await target.import(lines)).toMatchObject({ imported: 0, existing: 6 });
  });

  it('of a deque never leave a value out', async () => {
    using source = new Deque(freshDirectory());
    using target = new Deque(freshDirectory());
    source.push(1, 2, 3);
    const lines: string[] = [];
    for await (const line of source.export()) lines.push(line);
    await expect(target.import([...lines.slice(0, 2), ...lines.slice(3)])).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(target.length).toBe(0);
  });
});
