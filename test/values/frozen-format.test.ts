import { describe, expect, it } from 'vitest';
import { type CodecSettings, decodeValue } from '../../main/engine/values/codec.ts';
import type { Stored } from '../../main/engine/values/encoding.ts';
import { restorePayload } from '../../main/engine/values/encoding.ts';
import { decodeKey, encodeKey } from '../../main/engine/values/key.ts';
import type { Key } from '../../protocol/key.ts';

/*
 * What version 1 wrote. These bytes are on users' disks: never change a line, only add. A key must also be
 * encoded the same way forever, or it would not be found again.
 */

const SETTINGS: CodecSettings = { codec: 'structured', compression: 'none' };
const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'));

const KEYS: readonly (readonly [key: Key, column: string])[] = [
  [null, '38'],
  [NaN, '30'],
  [false, '40'],
  [true, '41'],
  [5n, '5100000105'],
  [-5n, '50fffffefa'],
  [0n, '51000000'],
  [2n ** 64n, '51000009010000000000000000'],
  [new Date(0), '608000000000000000'],
  [new Date(-1), '60400fffffffffffff'],
  [Uint8Array.of(1, 0, 255), '700100ffff00'],
  [[], '8000'],
  [['user', 42], '8020757365720010c04500000000000000'],
  [[-1.5, 'é\0'], '80104007ffffffffffff20c3a900ff0000'],
  [[-Infinity, 0, Infinity], '8010000fffffffffffff10800000000000000010fff000000000000000'],
  [{}, '9000'],
  [{ b: [null], a: 1 }, '9020610010bff000000000000020620080380000'],
];

const VALUES: readonly (readonly [value: unknown, mode: number, data: Stored, check: number])[] = [
  ['text', 0, 'text', 0x3b8ba7c7],
  ['', 0, '', 0x00000000],
  [1.5, 1, 1.5, 0xc38b997f],
  [-0, 1, -0, 0x44305cd7],
  [Uint8Array.of(1, 2), 2, hex('0102'), 0x84fa2010],
  [{ id: 1, name: 'Ada' }, 3, '{"id":1,"name":"Ada"}', 0xf54ac55c],
  [true, 3, 'true', 0xef49e363],
  [-12n, 4, '-12', 0xc657f24f],
  [undefined, 5, 'undefined', 0xb44b7500],
  [NaN, 5, 'NaN', 0x6e0c8d42],
  [new Date(0), 6, hex('ff0f440000000000000000'), 0xeb7ce183],
  [2n ** 64n, 6, hex('ff0f5a2000000000000000000100000000000000'), 0x74672030],
  [new Map([['k', new Set([undefined])]]), 6, hex('ff0f3b22016b275f2c013a02'), 0xc86d8537],
  [
    { a: [Uint8Array.of(1, 2), Float64Array.of(-0)], d: new DataView(new ArrayBuffer(1)) },
    6,
    hex('ff0f6f22016141025c000201025c080800000000000000802400022201645c0b01007b02'),
    0x9dfa511c,
  ],
  ['x'.repeat(1024), 64, hex('28b52ffd6000034d00001078780100fb2b8005'), 0x5ba17eee],
];

/** One element of each kind of view, in the order of their numbers. */
const VIEWS =
  'ff0f610c49005c00010049025c01010049045c02010049065c0302000049085c04020000490a5c050400000000490c5c060400000000490e5c07040000000049105c0808000000000000000049125c0908000000000000000049145c0a08000000000000000049165c0b0100400c0c';

describe('keys of version 1', () => {
  it.each(KEYS.map(([key, column]) => [column, key] as const))('%s', (column, key) => {
    expect(encodeKey(key)).toEqual(hex(column));
    expect(decodeKey(hex(column))).toEqual(key);
  });
});

describe('values of version 1', () => {
  it.each(VALUES.map(([value, ...stored], at) => [at, stored, value] as const))(
    'number %i',
    (_, [mode, data, check], value) => {
      expect(decodeValue(mode, data, check, SETTINGS)).toEqual(value);
    },
  );

  it('with every kind of view', () => {
    const names = (restorePayload(6, hex(VIEWS), 'structured', false) as ArrayBufferView[]).map(
      (view) => view.constructor.name,
    );
    expect(names).toEqual([
      'Uint8Array',
      'Int8Array',
      'Uint8ClampedArray',
      'Int16Array',
      'Uint16Array',
      'Int32Array',
      'Uint32Array',
      'Float32Array',
      'Float64Array',
      'BigInt64Array',
      'BigUint64Array',
      'DataView',
    ]);
  });
});
