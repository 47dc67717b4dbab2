import type { Changes } from './wire.ts';

/** Not in wire.ts, for only a page that listens loads it. */
export const isChanges = (message: unknown): message is Changes =>
  (Object(message) as Partial<Changes>).deskcache === 'changes';
