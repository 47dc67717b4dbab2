import { CHUNKS_AHEAD } from '../../protocol/chunk-size.ts';

/**
 * Hands chunks over as they come, a few under way at a time. Answers whether all were wanted; after one that wasn't no other is
 * taken.
 *
 * @throws what reading them or handing one over throws.
 */
export async function handOver(
  chunks: AsyncIterable<Uint8Array>,
  hand: (chunk: Uint8Array) => Promise<boolean>,
): Promise<boolean> {
  const underWay: Promise<boolean>[] = [];
  for await (const chunk of chunks) {
    if (underWay.length === CHUNKS_AHEAD && !(await underWay.shift())) return false;
    const handed = hand(chunk);
    // It is awaited in its turn, which may come after another one's failure.
    handed.catch(() => {});
    underWay.push(handed);
  }
  return (await Promise.all(underWay)).every((isWanted) => isWanted);
}
