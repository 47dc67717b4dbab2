import type { Place } from './world-geometry.ts';

export type ArrowKey = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight';

const DIRECTION_VECTORS: Record<ArrowKey, readonly [x: number, y: number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

export const isArrowKey = (key: string): key is ArrowKey => Object.hasOwn(DIRECTION_VECTORS, key);

/**
 * Returns the country to which an arrow key leads: the nearest one in that direction, where sideways distance counts double. `undefined`
 * at the edge of the world. O(n).
 */
export function findNeighbour(from: Place, direction: ArrowKey, places: readonly Place[]): Place | undefined {
  const [dx, dy] = DIRECTION_VECTORS[direction];
  let best: Place | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const place of places) {
    const x = place.centre[0] - from.centre[0];
    const y = place.centre[1] - from.centre[1];
    const along = x * dx + y * dy;
    const aside = Math.abs(x * dy - y * dx);
    if (place === from || along <= aside) continue;
    const distance = along + 2 * aside;
    if (distance < least) [best, least] = [place, distance];
  }
  return best;
}
