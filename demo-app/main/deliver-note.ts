import type { OfflineSession, Queue } from 'deskcache/main';
import type { FieldNote } from '../model/note.ts';

const RETRY_OPTIONS = { attempts: 8, backoff: { initial: 2_000, max: 60_000 } };

export interface Delivery {
  /** Requests through the HTTP cache. */
  readonly offline: OfflineSession['offline'];
  /** Notes are posted to this URL and listed by it. */
  readonly url: string;
}

/**
 * Sends the notes of the outbox to the server, in order for each country. A refused note becomes a dead letter at once, a failed one is
 * retried. The server recognises a note that was sent twice, because this process died in between, by its id.
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
      // Store the updated list before the job is done, so that the note is always in one of the two.
      const list = await offline.fetch(url, { strategy: 'network-first', signal });
      await list.arrayBuffer();
    },
    { concurrency: 4, retry: RETRY_OPTIONS, online: offline.connection.isOnline },
  );
}
