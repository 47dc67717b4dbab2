import type { QueueEvent } from '../../../protocol/job.ts';
import type { Change, Key } from '../../engine/index.ts';

const BY_SHELF = {
  job: 'enqueued',
  running: 'started',
  progress: 'progress',
  failed: 'failed',
  dead: 'dead',
} as const;

/**
 * Reads events out of the changes of the rows, in the order of their commits. What becomes of a job that was running is told by
 * the change that follows in the same transaction.
 */
export function eventsFrom(tell: (event: QueueEvent) => void): (change: Change) => void {
  /** The job whose attempt was ended by the change before this one. */
  let ended: number | undefined;

  return ({ kind, key }) => {
    const before = ended;
    ended = undefined;
    if (key === undefined) return tell({ kind: 'missed' });
    const [shelf, ...path] = key as readonly Key[];
    if (shelf === 'paused') return tell({ kind: kind === 'set' ? 'paused' : 'resumed' });
    const id = Number(path.at(-1));
    if (kind === 'set') {
      if (isNamed(shelf)) tell({ kind: BY_SHELF[shelf], id });
      else if (shelf === 'ready' && id === before) tell({ kind: 'returned', id });
    } else if (shelf === 'running') ended = id;
    else if (shelf === 'job') tell({ kind: id === before ? 'done' : 'removed', id });
  };
}

const isNamed = (shelf: Key | undefined): shelf is keyof typeof BY_SHELF =>
  typeof shelf === 'string' && Object.hasOwn(BY_SHELF, shelf);
