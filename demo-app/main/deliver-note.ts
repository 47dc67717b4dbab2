import type { OfflineSession, Queue } from 'deskcache/main';
import type { FieldNote } from '../model/note.ts';

const RETRY_OPTIONS = { attempts: 8, backoff: { initial: 2_000, max: 60_000 } };

export interface Delivery {
  /** The way to the server, through the HTTP cache. */
  readonly offline: OfflineSession['offline'];
  /** Where notes are sent to, and listed. */
  readonly url: string;
}

/**
 * Sends the notes of the outbox to the server, those about one country in their order. What the server refuses is dead at once,
 * what fails is tried again. A note that was sent twice, because this process died in between, is known to the server by its id.
 */
export function startDelivery(outbox: Queue<FieldNote>, { offline, url }: Delivery): Promise<void> {
  return outbox.process(
    async ({ payload: note, signal, bury: discard }) => {
      const headers = { 'content-type': 'application/json' };
      const response = await offline.fetch(url, { method: 'POST', headers, body: JSON.stringify(note), signal });
      const body = await response.text();
      const why = body === '' ? `the server answered ${response.status}` : `${body} (${response.status})`;
      if (response.status >= 400 && response.status < 500) discard(why);
      if (!response.ok) throw new Error(why);
      // The list that has it is on disk before the outbox forgets it: a note is never nowhere.
      const list = await offline.fetch(url, { strategy: 'network-first', signal });
      await list.arrayBuffer();
    },
    { concurrency: 4, retry: RETRY_OPTIONS, online: offline.connection.isOnline },
  );
}
