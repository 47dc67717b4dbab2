import { describe, expect, it, vi } from 'vitest';
import { UnreadableError } from '../../main/import/pickle/byte-reader.ts';
import { parsePickle } from '../../main/import/pickle/parse-pickle.ts';
import { readFixture, type TaggedValue, toImported } from './python-value.ts';

interface PickleRow {
  readonly name: string;
  readonly protocol: number;
  readonly hex: string;
  readonly value?: TaggedValue;
}

const rows = readFixture<PickleRow[]>('pickles.json');
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const fromText = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

describe('pickles that Python 3.11 has written', () => {
  const plain = rows.filter((row) => row.value !== undefined);
  const refused = rows.filter((row) => row.value === undefined);

  it('has rows of every protocol', () => {
    expect(new Set(plain.map(({ protocol }) => protocol))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect([plain.length > 100, refused.length > 100]).toEqual([true, true]);
  });

  it.each(plain)('reads $name, protocol $protocol', ({ hex, value }) => {
    expect(parsePickle(fromHex(hex))).toStrictEqual(toImported(value!));
  });

  it.each(refused)('refuses $name, protocol $protocol', ({ hex }) => {
    expect(() => parsePickle(fromHex(hex))).toThrow(UnreadableError);
  });

  /** Returns what reading a pickle throws, other than that it can't be read; undefined for a value. */
  function findFailure(pickle: Uint8Array): unknown {
    try {
      parsePickle(pickle);
      return undefined;
    } catch (error) {
      return error instanceof UnreadableError ? undefined : error;
    }
  }
  const small = plain.map(({ hex }) => fromHex(hex)).filter(({ length }) => length < 300);

  it('refuses every pickle that is cut off', () => {
    const readable: Uint8Array[] = [];
    for (const whole of small) {
      for (let length = 0; length < whole.length; length++) {
        try {
          parsePickle(whole.subarray(0, length));
          readable.push(whole.subarray(0, length));
        } catch {}
      }
    }
    expect(readable).toEqual([]);
  });

  it('reads or refuses every pickle with one wrong byte, and never fails otherwise', () => {
    const failures: unknown[] = [];
    for (const whole of small) {
      for (let at = 0; at < whole.length; at++) {
        for (const wrong of [0x00, 0x2e, 0x28, 0x52, 0x94, 0xff, whole[at]! ^ 1]) {
          const damaged = Uint8Array.from(whole);
          damaged[at] = wrong;
          const failure = findFailure(damaged);
          if (failure !== undefined) failures.push(failure);
        }
      }
    }
    expect(failures).toEqual([]);
  });
});

it('keeps a list that contains itself, and a part that is in two places', () => {
  // p = []; p.append(p)
  const cyclic = parsePickle(fromHex('80055d9468006' + '12e')) as unknown[];
  expect(cyclic[0]).toBe(cyclic);
  // [part, part]
  const [one, other] = parsePickle(fromText('\x80\x02]q\x00(]q\x01h\x01e.')) as unknown[];
  expect(one).toBe(other);
});

it('keeps a dict that contains itself, as an object', () => {
  const cyclic = parsePickle(fromText('}p0\nVself\ng0\ns.')) as Record<string, unknown>;
  expect(cyclic['self']).toBe(cyclic);
});

it('copies bytes, so that a small value keeps no large pickle in memory', () => {
  const pickle = fromHex('8003430361626' + '32e');
  const bytes = parsePickle(pickle) as Uint8Array;
  pickle.fill(0);
  expect(bytes).toEqual(Uint8Array.of(0x61, 0x62, 0x63));
  expect(bytes.buffer.byteLength).toBe(3);
});

describe('Python 2', () => {
  it('reads byte strings of ASCII as texts, and refuses others, whose encoding is not known', () => {
    expect(parsePickle(fromText("S'it\\'s \\x41\\n'\n."))).toBe("it's A\n");
    expect(parsePickle(fromText('U\x03abc.'))).toBe('abc');
    expect(() => parsePickle(fromText("S'\\xe9'\n."))).toThrow('Python 2');
    expect(() => parsePickle(fromText('U\x01\xe9.'))).toThrow('Python 2');
  });

  it('reads its long integers, sets and unicode texts', () => {
    expect(parsePickle(fromText('L123456789012345678901234567890L\n.'))).toBe(123456789012345678901234567890n);
    expect(parsePickle(fromText('c__builtin__\nset\n((lI1\naI2\natR.'))).toEqual(new Set([1, 2]));
    expect(parsePickle(fromText('V\\u00e9\\\\u0041\\U0001f600\n.'))).toBe('é\\\\u0041😀');
  });
});

describe('hostile pickles', () => {
  const LENGTHS = { B: 'ffffff7f', X: 'ffffff7f', T: 'ffffff7f', '\x8b': 'ffffff7f' };

  it.each(Object.entries(LENGTHS))('a length of two gigabytes after %j', (opcode, length) => {
    expect(() => parsePickle(Buffer.concat([fromText(opcode), fromHex(length)]))).toThrow('cut off');
  });

  it.each(['\x8d', '\x8e', '\x96', '\x95'])('a length of 2^64 - 1 after %j', (opcode) => {
    expect(() => parsePickle(Buffer.concat([fromText(opcode), fromHex('ffffffffffffffff')]))).toThrow('cut off');
  });

  const repeat = (part: string, count: number) => fromText(part.repeat(count));
  const CASES: Readonly<Record<string, [pickle: () => Uint8Array, message: RegExp]>> = {
    'a list in a list, 100 000 deep': [
      () => Buffer.concat([repeat(']', 1e5), repeat('a', 1e5 - 1), fromText('.')]),
      /deep/,
    ],
    'a tuple in a tuple, 100 000 deep': [
      () => Buffer.concat([fromText(')'), repeat('\x85', 1e5), fromText('.')]),
      /deep/,
    ],
    'a million marks': [() => Buffer.concat([repeat('(', 1e6), fromText('.')]), /damaged/],
    'a part that is in two places, sixty times over': [() => fromText(`]${'2\x86'.repeat(60)}.`), /parts/],
    'a copy of a text, again and again': [
      () => fromText(`V${'a'.repeat(1e5)}\np0\n0${'c_codecs\nencode\n(g0\nVlatin1\ntR0'.repeat(2000)}N.`),
      /too many parts/,
    ],
    'a set of a list, again and again': [
      () => fromText(`](${'N'.repeat(1e5)}ep0\n0${'c__builtin__\nset\n(g0\ntR0'.repeat(2000)}N.`),
      /too many parts/,
    ],
    'three million lists': [() => repeat(']', 3e6), /too many parts/],
    'a value that is remembered five million times': [() => fromText(`N${'\x94'.repeat(5e6)}.`), /too many parts/],
    'an integer of a million digits': [() => fromText(`L${'9'.repeat(1e6)}L\n.`), /digits/],
    'an integer of a million bytes': [
      () => Buffer.concat([fromText('\x8b'), fromHex('40420f00'), new Uint8Array(1e6), fromText('.')]),
      /bytes/,
    ],
    'an unknown opcode': [() => fromText('\xff.'), /0xff/],
    'protocol 6': [() => fromText('\x80\x06N.'), /protocol 6/],
    nothing: [() => new Uint8Array(), /cut off/],
    'no value': [() => fromText('.'), /missing/],
    'two values': [() => fromText('NN.'), /more than one/],
    'something after the end': [() => fromText('N.N'), /follows/],
    'a value below a mark': [() => fromText('N(2.'), /missing/],
    'a reference to nothing': [() => fromText('h\x05.'), /refers/],
    'a call of a value': [() => fromText('N)R.'), /calls/],
    'a class as a value': [() => fromText('c__builtin__\nset\n.'), /class/],
    'os.system by its name': [() => fromText("cos\nsystem\n(S'echo evil'\ntR."), /"os.system"/],
    'eval by its name': [() => fromText('cbuiltins\neval\n(V1\ntR.'), /"builtins.eval"/],
    'a getattr by a dotted name': [
      () => fromText('\x8c\x08builtins\x8c\x0cset.__init__\x93.'),
      /"builtins.set.__init__"/,
    ],
    'an instance of protocol 0': [() => fromText('(ios\nsystem\n.'), /only plain values/],
    'an object': [() => fromText('(cos\nsystem\no.'), /"os.system"/],
    'a persistent id': [() => fromText('Pid\n.'), /persistent/],
    'an extension code': [() => fromText('\x82\x01.'), /extension/],
    'the state of a list': [() => fromText(']Nb.'), /state/],
  };

  it.each(Object.entries(CASES))('%s', (_, [make, message]) => {
    const parse = vi.fn(parsePickle);
    expect(() => parse(make())).toThrow(message);
    expect(parse.mock.results[0]?.value).toBeInstanceOf(UnreadableError);
  });
});
