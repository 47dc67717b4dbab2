import { diskCache, type Job, type JobState } from 'deskcache/renderer';
import { type Draft, type FieldNote, OUTBOX } from '../../model/note.ts';
import { disk } from './disk-cache.ts';
import { reportError } from './errors.ts';
import { observable } from './observable.ts';

const queue = diskCache.queue<FieldNote>(OUTBOX);
const STATES: readonly JobState[] = ['running', 'ready', 'held', 'delayed', 'dead'];

export type PostedNote = Job<FieldNote>;

/** The notes on their way, oldest first, as all windows see them. */
export const outbox = observable<readonly PostedNote[]>([]);

/** Grows with each note that has arrived. */
export const deliveredCount = observable(0);

export async function watchOutbox(): Promise<void> {
  queue.subscribe((event) => {
    if (event.kind === 'done' || event.kind === 'missed') deliveredCount.set(deliveredCount.get() + 1);
    refresh().catch((error: unknown) => reportError('The outbox could not be read', error));
  });
  await refresh();
}

let lastRefresh = 0;

/** Five questions in one turn are one message, so all see the same moment. */
async function refresh(): Promise<void> {
  const refreshNumber = ++lastRefresh;
  const states = await Promise.all(STATES.map((state) => Array.fromAsync(queue.jobs(state))));
  if (refreshNumber === lastRefresh) outbox.set(states.flat().sort((a, b) => a.id - b.id));
}

/**
 * Puts a draft into the outbox. It is there whatever happens next; should this be the last the page does, what is left of the draft
 * has the same id and makes the same note. What was typed since is left.
 */
export async function post(code: string, draft: Draft): Promise<void> {
  const { id, text, editedAt } = draft;
  await queue.enqueue({ id, code, text, writtenAt: editedAt }, { group: code, dedupeKey: id });
  await disk.drafts.batch([{ if: { key: code, equals: draft } }, { delete: [code] }]);
}

/** Gives a note that was refused another chance. */
export const retry = (id: number): Promise<boolean> => queue.retry(id);

/** Takes a note out of the outbox and back to where it was written, before what was begun there meanwhile. */
export async function withdraw({ id, payload: { code, text } }: PostedNote): Promise<void> {
  const currentDraft = await disk.drafts.get(code);
  const joinedText = currentDraft === undefined ? text : `${text}\n\n${currentDraft.text}`;
  // Another note: the server may have the one that was posted all the same.
  await disk.drafts.set(code, { id: crypto.randomUUID(), text: joinedText, editedAt: Date.now() });
  await queue.remove(id);
}
