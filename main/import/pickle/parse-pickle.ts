import { ByteReader, UnreadableError } from './byte-reader.ts';
import { findClass, isKnownClass } from './known-classes.ts';
import { toPlainValue } from './plain-value.ts';
import {
  parseBinaryInteger,
  parseByteString,
  parseDecimalInteger,
  parseFloatLine,
  parseQuotedLine,
  parseUnicodeLine,
  parseUtf8,
  toLatin1,
} from './scalars.ts';

/*
 * Reads pickles of Python (protocols 0 to 5, documented in Lib/pickletools.py) as data, without running code. An opcode that would import, call
 * or change something is refused, except for the built-in classes of known-classes.ts.
 */

/**
 * What a pickle may cost: 1 for a part, 4 for a container, 2 more for a part that is memoized. Without a limit a byte of a pickle could take a
 * hundred bytes of memory.
 */
const BUDGET = 8 * 2 ** 20;
const CONTAINER_COST = 4;
const MEMO_COST = 2;
const HIGHEST_PROTOCOL = 5;

type Instruction = (machine: PickleMachine, bytes: ByteReader) => void;

/** The stack and the memo of a pickle while it is read. */
class PickleMachine {
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #budget = BUDGET;

  /** @throws {UnreadableError} when the pickle has used up its budget. */
  charge(cost: number): void {
    this.#budget -= cost;
    if (this.#budget < 0) throw new UnreadableError('its pickle has too many parts');
  }

  push(value: unknown): void {
    this.charge(typeof value === 'object' ? CONTAINER_COST : 1);
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw damaged('something is missing on its stack');
    return this.#stack.pop();
  }

  get top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw damaged('something is missing on its stack');
    return this.#stack.at(-1);
  }

  mark(): void {
    this.charge(1);
    this.#marks.push(this.#stack.length);
  }

  /** Removes the last mark and everything above it. Returns what was above it. */
  popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw damaged('a mark is missing on its stack');
    return this.#stack.splice(mark);
  }

  /** Removes what is on top: a value, or a mark. */
  drop(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  remember(id: number): void {
    this.charge(MEMO_COST);
    this.#memo.set(id, this.top);
  }

  memoize(): void {
    this.remember(this.#memo.size);
  }

  recall(id: number): void {
    if (!this.#memo.has(id)) throw damaged('it refers to a part that it does not have');
    this.push(this.#memo.get(id));
  }

  /** Returns the only value left. @throws {UnreadableError} if there are others. */
  finish(): unknown {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) throw damaged('it has more than one value');
    return value;
  }
}

const damaged = (what: string) => new UnreadableError(`its pickle is damaged: ${what}`);

function appendAll(list: unknown, items: readonly unknown[]): void {
  if (!Array.isArray(list)) throw damaged('it appends to something that is not a list');
  for (const item of items) list.push(item);
}

function setAll(dict: unknown, items: readonly unknown[]): void {
  if (!(dict instanceof Map)) throw damaged('it sets a key of something that is not a dict');
  if (items.length % 2 !== 0) throw damaged('a key has no value');
  for (let at = 0; at < items.length; at += 2) dict.set(items[at], items[at + 1]);
}

function addAll(set: unknown, items: readonly unknown[]): void {
  if (!(set instanceof Set)) throw damaged('it adds to something that is not a set');
  for (const item of items) set.add(item);
}

function toDict(items: readonly unknown[]): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  setAll(dict, items);
  return dict;
}

function popTuple(machine: PickleMachine, length: number): void {
  const items = Array.from({ length }, () => machine.pop()).reverse();
  machine.push(items);
}

function reduce(machine: PickleMachine): void {
  const args = machine.pop();
  const known = machine.pop();
  if (!isKnownClass(known) || !Array.isArray(args)) throw damaged('it calls something that is not a class');
  machine.charge(known.getCost(args));
  machine.push(known.create(args));
}

function pushStackGlobal(machine: PickleMachine): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== 'string' || typeof module !== 'string') throw damaged('the name of a class is not a text');
  machine.push(findClass(module, name));
}

function parseIntegerLine(line: Uint8Array): boolean | number | bigint {
  const text = toLatin1(line);
  return text === '00' || text === '01' ? text === '01' : parseDecimalInteger(line);
}

/** A memo's id in digits. */
function parseId(line: Uint8Array): number {
  const id = Number(parseDecimalInteger(line));
  if (id >= 0) return id;
  throw damaged('it refers to a part that it does not have');
}

function assertProtocol(protocol: number): void {
  if (protocol > HIGHEST_PROTOCOL) throw new UnreadableError(`its pickle has the protocol ${protocol}, newer than 5`);
}

function assertFrame(length: number, bytes: ByteReader): void {
  if (length > bytes.remaining) throw new UnreadableError('its pickle is cut off');
}

const refuse =
  (what: string): Instruction =>
  () => {
    throw new UnreadableError(`it needs ${what}, and only plain values are read`);
  };

const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  // Values.
  N: (machine) => machine.push(null),
  '\x88': (machine) => machine.push(true),
  '\x89': (machine) => machine.push(false),
  I: (machine, bytes) => machine.push(parseIntegerLine(bytes.takeLine())),
  L: (machine, bytes) => machine.push(parseDecimalInteger(bytes.takeLine())),
  J: (machine, bytes) => machine.push(bytes.takeInt32()),
  K: (machine, bytes) => machine.push(bytes.takeUint8()),
  M: (machine, bytes) => machine.push(bytes.takeUint16()),
  '\x8a': (machine, bytes) => machine.push(parseBinaryInteger(bytes.take(bytes.takeUint8()))),
  '\x8b': (machine, bytes) => machine.push(parseBinaryInteger(bytes.take(bytes.takeUint32()))),
  F: (machine, bytes) => machine.push(parseFloatLine(bytes.takeLine())),
  G: (machine, bytes) => machine.push(bytes.takeFloat64()),
  S: (machine, bytes) => machine.push(parseQuotedLine(bytes.takeLine())),
  T: (machine, bytes) => machine.push(parseByteString(bytes.take(bytes.takeUint32()))),
  U: (machine, bytes) => machine.push(parseByteString(bytes.take(bytes.takeUint8()))),
  V: (machine, bytes) => machine.push(parseUnicodeLine(bytes.takeLine())),
  X: (machine, bytes) => machine.push(parseUtf8(bytes.take(bytes.takeUint32()))),
  '\x8c': (machine, bytes) => machine.push(parseUtf8(bytes.take(bytes.takeUint8()))),
  '\x8d': (machine, bytes) => machine.push(parseUtf8(bytes.take(bytes.takeLength64()))),
  // Copied, because a view would keep the whole pickle in memory.
  B: (machine, bytes) => machine.push(Uint8Array.from(bytes.take(bytes.takeUint32()))),
  C: (machine, bytes) => machine.push(Uint8Array.from(bytes.take(bytes.takeUint8()))),
  '\x8e': (machine, bytes) => machine.push(Uint8Array.from(bytes.take(bytes.takeLength64()))),
  '\x96': (machine, bytes) => machine.push(Uint8Array.from(bytes.take(bytes.takeLength64()))),
  // Containers.
  '(': (machine) => machine.mark(),
  ')': (machine) => machine.push([]),
  '\x85': (machine) => popTuple(machine, 1),
  '\x86': (machine) => popTuple(machine, 2),
  '\x87': (machine) => popTuple(machine, 3),
  t: (machine) => machine.push(machine.popToMark()),
  ']': (machine) => machine.push([]),
  l: (machine) => machine.push(machine.popToMark()),
  a: (machine) => {
    const item = machine.pop();
    appendAll(machine.top, [item]);
  },
  e: (machine) => {
    const items = machine.popToMark();
    appendAll(machine.top, items);
  },
  '}': (machine) => machine.push(new Map()),
  d: (machine) => machine.push(toDict(machine.popToMark())),
  s: (machine) => {
    const value = machine.pop();
    const key = machine.pop();
    setAll(machine.top, [key, value]);
  },
  u: (machine) => {
    const items = machine.popToMark();
    setAll(machine.top, items);
  },
  '\x8f': (machine) => machine.push(new Set()),
  '\x90': (machine) => {
    const items = machine.popToMark();
    addAll(machine.top, items);
  },
  '\x91': (machine) => machine.push(new Set(machine.popToMark())),
  // Stack and memo.
  '0': (machine) => machine.drop(),
  '1': (machine) => void machine.popToMark(),
  '2': (machine) => machine.push(machine.top),
  p: (machine, bytes) => machine.remember(parseId(bytes.takeLine())),
  q: (machine, bytes) => machine.remember(bytes.takeUint8()),
  r: (machine, bytes) => machine.remember(bytes.takeUint32()),
  '\x94': (machine) => machine.memoize(),
  g: (machine, bytes) => machine.recall(parseId(bytes.takeLine())),
  h: (machine, bytes) => machine.recall(bytes.takeUint8()),
  j: (machine, bytes) => machine.recall(bytes.takeUint32()),
  // Framing.
  '\x80': (_, bytes) => assertProtocol(bytes.takeUint8()),
  '\x95': (_, bytes) => assertFrame(bytes.takeLength64(), bytes),
  // Built-in classes by their names.
  c: (machine, bytes) => machine.push(findClass(toLatin1(bytes.takeLine()), toLatin1(bytes.takeLine()))),
  '\x93': pushStackGlobal,
  R: reduce,
  // What would run code of an application.
  b: refuse('the state of an object'),
  i: refuse('an object of a class'),
  o: refuse('an object of a class'),
  '\x81': refuse('an object of a class'),
  '\x92': refuse('an object of a class'),
  '\x82': refuse('a class from the extension registry'),
  '\x83': refuse('a class from the extension registry'),
  '\x84': refuse('a class from the extension registry'),
  P: refuse('a persistent object'),
  Q: refuse('a persistent object'),
  '\x97': refuse('an out-of-band buffer'),
  '\x98': refuse('an out-of-band buffer'),
};

const BY_OPCODE: readonly (Instruction | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => INSTRUCTIONS[String.fromCharCode(code)],
);
const STOP = '.'.charCodeAt(0);

/**
 * Reads a pickle of plain values: None, bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset and OrderedDict. None is
 * null, tuples are arrays, integers that are not exact as a number are bigints, dicts whose keys are all texts are objects and other dicts
 * are Maps. O(bytes).
 *
 * @throws {UnreadableError} for everything else, and for a damaged pickle.
 */
export function parsePickle(pickle: Uint8Array): unknown {
  const bytes = new ByteReader(pickle);
  const machine = new PickleMachine();
  for (;;) {
    const opcode = bytes.takeUint8();
    if (opcode === STOP) break;
    const instruction = BY_OPCODE[opcode];
    if (instruction === undefined) throw damaged(`it has the unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
    instruction(machine, bytes);
  }
  const value = machine.finish();
  if (bytes.remaining > 0) throw damaged('something follows its end');
  return toPlainValue(value);
}
