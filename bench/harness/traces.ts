import { createRandom, shuffleIndices } from './keys-and-values.ts';

/** The items that are asked for, one request after the other, of a store with room for `room`. */
export type Trace = (requests: number, capacity: number, seed: number) => Uint32Array;

/** Items there are for each that has room. */
const ITEMS_PER_SLOT = 10;

/** Popularity by Zipf's law: the nth most popular item is asked for in proportion to n to the power of −`skew`. */
function createZipf(skew: number): Trace {
  return (requests, capacity, seed) => {
    const random = createRandom(seed);
    const items = capacity * ITEMS_PER_SLOT;
    const upTo = new Float64Array(items);
    let sum = 0;
    for (let rank = 0; rank < items; rank++) upTo[rank] = sum += (rank + 1) ** -skew;
    const itemOfRank = shuffleIndices(0, items, seed);
    return Uint32Array.from({ length: requests }, () => itemOfRank[findFirstAbove(upTo, random() * sum)]!);
  };
}

/** Binary search in rising numbers. */
function findFirstAbove(rising: Float64Array, number: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Now and then a scan over as many items as fit, each requested only once. */
const withScans =
  (usual: Trace, every: number): Trace =>
  (requests, capacity, seed) => {
    const trace = usual(requests, capacity, seed);
    let next = capacity * ITEMS_PER_SLOT;
    for (let first = every * capacity; first + capacity < requests; first += (every + 1) * capacity) {
      for (let nth = first; nth < first + capacity; nth++) trace[nth] = next++;
    }
    return trace;
  };

/** What is popular changes: each quarter of the requests has favourites of its own. */
const withChanges =
  (usual: Trace): Trace =>
  (requests, capacity, seed) => {
    const quarter = Math.ceil(requests / 4);
    const trace = new Uint32Array(requests);
    for (let first = 0; first < requests; first += quarter) {
      trace.set(usual(Math.min(quarter, requests - first), capacity, seed + first), first);
    }
    return trace;
  };

/** Round and round over `share` times as many items as there is room for. */
const createLoop =
  (share: number): Trace =>
  (requests, capacity) =>
    Uint32Array.from({ length: requests }, (_, nth) => nth % Math.round(capacity * share));

/** Every other request is of a loop, the rest as usual. */
const withLoop =
  (usual: Trace, share: number): Trace =>
  (requests, capacity, seed) => {
    const around = Math.round(capacity * share);
    return usual(requests, capacity, seed).map((item, nth) =>
      nth % 2 === 0 ? item : capacity * ITEMS_PER_SLOT + ((nth >> 1) % around),
    );
  };

export interface NamedTrace {
  readonly name: string;
  readonly trace: Trace;
  /** Whether much is asked for that is not asked for again soon. */
  readonly scans: boolean;
}

export const TRACES: readonly NamedTrace[] = [
  ...[0.7, 0.8, 0.9, 1, 1.1].map((skew) => ({ name: `Zipf ${skew}`, trace: createZipf(skew), scans: false })),
  { name: 'Zipf 0.9, other favourites each quarter', trace: withChanges(createZipf(0.9)), scans: false },
  ...[0.7, 0.9, 1.1].map((skew) => ({
    name: `Zipf ${skew} and scans`,
    trace: withScans(createZipf(skew), 3),
    scans: true,
  })),
  { name: 'a loop over 1.2 times the room', trace: createLoop(1.2), scans: true },
  { name: 'a loop over twice the room', trace: createLoop(2), scans: true },
  { name: 'Zipf 0.9 and a loop over twice the room', trace: withLoop(createZipf(0.9), 2), scans: true },
];
