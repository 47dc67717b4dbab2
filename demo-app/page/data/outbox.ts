import { diskCache, type Job, type JobState } from 'deskcache/renderer';
import { type Draft, type FieldNote, OUTBOX } from '../../model/note.ts';
import { disk } from './disk-cache.ts';
import { reportError } from './errors.ts';
import { observable } from './observable.ts';

const queue = diskCache.queue<FieldNote>(OUTBOX);
const STATES: readonly JobState[] = ['running', 'ready', 'held', 'delayed', 'dead'];

export type PostedNote = Job<FieldNote>;

/** The unsent notes, oldest first, shared by all windows. */
export const outbox = observable<readonly PostedNote[]>([]);

/** Increases with each delivered note. */
export const deliveredCount = observable(0);

export async function watchOutbox(): Promise<void> {
  queue.subscribe((event) => {
    if (event.kind === 'done' || event.kind === 'missed') deliveredCount.set(deliveredCount.get() + 1);
    refresh().catch((error: unknown) => reportError('The outbox could not be read', error));
  });
  await refresh();
}

let lastRefresh = 0;

/** Five calls in one turn are one message, so all read the same state. */
async function refresh(): Promise<void> {
  const refreshNumber = ++lastRefresh;
  const states = await Promise.all(STATES.map((state) => Array.fromAsync(queue.jobs(state))));
  if (refreshNumber === lastRefresh) outbox.set(states.flat().sort((a, b) => a.id - b.id));
}

/**
 * Puts a draft into the outbox. If the page ends right after it, the remaining draft has the same id and becomes the same note. Text typed
 * since then stays.
 */
export async function post(code: string, draft: Draft): Promise<void> {
  const { id, text, editedAt } = draft;
  await queue.enqueue({ id, code, text, writtenAt: editedAt }, { group: code, dedupeKey: id });
  await disk.drafts.batch([{ if: { key: code, equals: draft } }, { delete: [code] }]);
}

/** Retries a note that was refused. */
export const retry = (id: number): Promise<boolean> => queue.retry(id);

/** Takes a note out of the outbox and puts its text back into the draft, before newer text. */
export async function withdraw({ id, payload: { code, text } }: PostedNote): Promise<void> {
  const currentDraft = await disk.drafts.get(code);
  const joinedText = currentDraft === undefined ? text : `${text}\n\n${currentDraft.text}`;
  // A new id, because the server may have received the sent note after all.
  await disk.drafts.set(code, { id: crypto.randomUUID(), text: joinedText, editedAt: Date.now() });
  await queue.remove(id);
}
