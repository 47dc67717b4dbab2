import type { CountrySummary } from '../../model/country.ts';
import { useObserved } from '../data/observable.ts';
import { outbox, type Posted, retry, takeBack } from '../data/outbox.ts';
import { report } from '../data/problems.ts';
import { Flag } from './flag.tsx';
import { formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { PostState } from './post-state.tsx';
import { addressOf } from './route.ts';

const PANEL = 'outbox';

/** What waits to be sent, in a word; opens the panel. */
export function OutboxButton() {
  const posted = useObserved(outbox);
  const dead = posted.filter(({ state }) => state === 'dead').length;
  const waiting = posted.length - dead;
  const words = [waiting > 0 && formatCount(waiting, 'note to send', 'notes to send'), dead > 0 && `${dead} not sent`];
  return (
    <button type="button" class="outbox-button" popovertarget={PANEL} data-waiting={waiting} data-dead={dead}>
      <Icon name="outbox" />
      {posted.length === 0 ? 'Outbox empty' : words.filter(Boolean).join(', ')}
    </button>
  );
}

/** The notes on their way, with what holds each up and what can be done about it. */
export function OutboxPanel({ byCode }: { readonly byCode: ReadonlyMap<string, CountrySummary> }) {
  const posted = useObserved(outbox);
  return (
    <section class="outbox" id={PANEL} popover="auto" aria-labelledby="outbox-title">
      <h2 id="outbox-title">Outbox</h2>
      {posted.length === 0 && <p class="nothing">Everything was sent.</p>}
      <ul>
        {posted.map((post) => (
          <Post key={post.id} post={post} country={byCode.get(post.payload.code)} />
        ))}
      </ul>
    </section>
  );
}

function Post({ post, country }: { readonly post: Posted; readonly country: CountrySummary | undefined }) {
  const { id, state, payload } = post;
  const attempt = (what: string, done: Promise<unknown>) => void done.catch((error: unknown) => report(what, error));
  return (
    <li data-state={state}>
      <a href={addressOf(payload.code)}>
        {country && <Flag alpha2={country.alpha2} />} {country?.name ?? payload.code}
      </a>
      <p>{payload.text}</p>
      <PostState of={post} />
      <span class="outbox-actions">
        {state === 'dead' && (
          <button type="button" onClick={() => attempt('The note could not be sent again', retry(id))}>
            Try again
          </button>
        )}
        {state !== 'running' && (
          <button type="button" onClick={() => attempt('The note could not be taken back', takeBack(post))}>
            Take back
          </button>
        )}
      </span>
    </li>
  );
}
