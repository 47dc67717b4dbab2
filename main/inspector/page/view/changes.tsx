import { useEffect, useState } from 'preact/hooks';
import type { ChangeRecord, Changes as ReadChanges } from '../../contract.ts';
import { call } from '../client.ts';
import { formatCount, formatKey } from '../format.ts';
import { ErrorNote } from './error-note.tsx';

const INTERVAL_MS = 500;
const MAX_SHOWN = 500;

interface Feed {
  readonly changes: readonly ChangeRecord[];
  readonly missed: number;
  readonly unfollowed: ReadChanges['unfollowed'];
}

const EMPTY: Feed = { changes: [], missed: 0, unfollowed: [] };

/** What changes in all stores, the latest first, while it is shown. */
export function Changes() {
  const [isPaused, setPaused] = useState(false);
  const [feed, setFeed] = useState(EMPTY);
  const [error, setError] = useState<Error>();
  useEffect(() => {
    if (isPaused) return undefined;
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async (since: number): Promise<void> => {
      try {
        const read = await call('changes', { since });
        if (!isCurrent) return;
        setFeed((before) => append(before, read));
        timer = setTimeout(poll, INTERVAL_MS, read.next);
      } catch (thrown) {
        if (isCurrent) setError(thrown as Error);
      }
    };
    poll(0);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [isPaused]);
  return (
    <section>
      <h2>Changes</h2>
      <div class="toolbar">
        <button type="button" onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Continue' : 'Pause'}
        </button>
        <button type="button" onClick={() => setFeed(EMPTY)}>
          Clear
        </button>
        {feed.missed > 0 && <span>{formatCount(feed.missed)} changes were too fast to be listed</span>}
      </div>
      <ErrorNote error={error} />
      {feed.unfollowed.map(({ store, error: reason }) => (
        <p key={store} class="quiet">
          {store} isn’t followed: {reason.message}
        </p>
      ))}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <div class="changes" role="log" aria-label="Changes" tabIndex={0}>
        <ol>
          {feed.changes.map(({ sequence, at, store, kind, key }) => (
            <li key={sequence}>
              <time>{new Date(at).toLocaleTimeString('sv')}</time> <span class={`kind-${kind}`}>{kind}</span>{' '}
              <strong>{store}</strong> {key === undefined ? '' : formatKey(key)}
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}

/** A feed that was paused reads everything that is kept again, and skips what it has. */
function append(feed: Feed, { changes, missed, unfollowed }: ReadChanges): Feed {
  const last = feed.changes[0]?.sequence ?? 0;
  const added = changes.filter(({ sequence }) => sequence > last).reverse();
  return {
    changes: [...added, ...feed.changes].slice(0, MAX_SHOWN),
    missed: feed.missed + missed,
    unfollowed,
  };
}
