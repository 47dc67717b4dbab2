import { randomFrom, shuffled } from './data.ts';

/** The items that are asked for, one request after the other, of a store with room for `room`. */
export type Trace = (requests: number, room: number, seed: number) => Uint32Array;

/** Items there are for each that has room. */
const CHOICE = 10;

/** Popularity by Zipf's law: the nth most popular item is asked for in proportion to n to the power of −`skew`. */
function zipf(skew: number): Trace {
  return (requests, room, seed) => {
    const random = randomFrom(seed);
    const items = room * CHOICE;
    const upTo = new Float64Array(items);
    let sum = 0;
    for (let rank = 0; rank < items; rank++) upTo[rank] = sum += (rank + 1) ** -skew;
    const itemOfRank = shuffled(0, items, seed);
    return Uint32Array.from({ length: requests }, () => itemOfRank[firstAbove(upTo, random() * sum)]!);
  };
}

/** Binary search in rising numbers. */
function firstAbove(rising: Float64Array, number: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Now and then somebody walks over as many items as there is room for, each asked for this once. */
const withScans =
  (usual: Trace, every: number): Trace =>
  (requests, room, seed) => {
    const trace = usual(requests, room, seed);
    let next = room * CHOICE;
    for (let first = every * room; first + room < requests; first += (every + 1) * room) {
      for (let nth = first; nth < first + room; nth++) trace[nth] = next++;
    }
    return trace;
  };

/** What is popular changes: each quarter of the requests has favourites of its own. */
const withChanges =
  (usual: Trace): Trace =>
  (requests, room, seed) => {
    const quarter = Math.ceil(requests / 4);
    const trace = new Uint32Array(requests);
    for (let first = 0; first < requests; first += quarter) {
      trace.set(usual(Math.min(quarter, requests - first), room, seed + first), first);
    }
    return trace;
  };

/** Round and round over `share` times as many items as there is room for. */
const loop =
  (share: number): Trace =>
  (requests, room) =>
    Uint32Array.from({ length: requests }, (_, nth) => nth % Math.round(room * share));

/** Every other request is of a loop, the rest as usual. */
const withLoop =
  (usual: Trace, share: number): Trace =>
  (requests, room, seed) => {
    const around = Math.round(room * share);
    return usual(requests, room, seed).map((item, nth) =>
      nth % 2 === 0 ? item : room * CHOICE + ((nth >> 1) % around),
    );
  };

export interface NamedTrace {
  readonly name: string;
  readonly trace: Trace;
  /** Whether much is asked for that is not asked for again soon. */
  readonly scans: boolean;
}

export const TRACES: readonly NamedTrace[] = [
  ...[0.7, 0.8, 0.9, 1, 1.1].map((skew) => ({ name: `Zipf ${skew}`, trace: zipf(skew), scans: false })),
  { name: 'Zipf 0.9, other favourites each quarter', trace: withChanges(zipf(0.9)), scans: false },
  ...[0.7, 0.9, 1.1].map((skew) => ({ name: `Zipf ${skew} and scans`, trace: withScans(zipf(skew), 3), scans: true })),
  { name: 'a loop over 1.2 times the room', trace: loop(1.2), scans: true },
  { name: 'a loop over twice the room', trace: loop(2), scans: true },
  { name: 'Zipf 0.9 and a loop over twice the room', trace: withLoop(zipf(0.9), 2), scans: true },
];
