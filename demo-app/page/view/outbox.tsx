import type { CountrySummary } from '../../model/country.ts';
import { reportError } from '../data/errors.ts';
import { useObservable } from '../data/observable.ts';
import { outbox, type PostedNote, retry, withdraw } from '../data/outbox.ts';
import { DeliveryState } from './delivery-state.tsx';
import { Flag } from './flag.tsx';
import { formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { toHash } from './route.ts';

const PANEL = 'outbox';

/** The number of unsent notes; opens the panel. */
export function OutboxButton() {
  const posted = useObservable(outbox);
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

/** The unsent notes, with their state and the possible actions. */
export function OutboxPanel({ byCode }: { readonly byCode: ReadonlyMap<string, CountrySummary> }) {
  const posted = useObservable(outbox);
  return (
    <section class="outbox" id={PANEL} popover="auto" aria-labelledby="outbox-title">
      <h2 id="outbox-title">Outbox</h2>
      {posted.length === 0 && <p class="nothing">Everything was sent.</p>}
      <ul>
        {posted.map((post) => (
          <OutboxItem key={post.id} post={post} country={byCode.get(post.payload.code)} />
        ))}
      </ul>
    </section>
  );
}

function OutboxItem({ post, country }: { readonly post: PostedNote; readonly country: CountrySummary | undefined }) {
  const { id, state, payload } = post;
  const attempt = (what: string, done: Promise<unknown>) =>
    void done.catch((error: unknown) => reportError(what, error));
  return (
    <li data-state={state}>
      <a href={toHash(payload.code)}>
        {country && <Flag alpha2={country.alpha2} />} {country?.name ?? payload.code}
      </a>
      <p>{payload.text}</p>
      <DeliveryState of={post} />
      <span class="outbox-actions">
        {state === 'dead' && (
          <button type="button" onClick={() => attempt('The note could not be sent again', retry(id))}>
            Try again
          </button>
        )}
        {state !== 'running' && (
          <button type="button" onClick={() => attempt('The note could not be taken back', withdraw(post))}>
            Take back
          </button>
        )}
      </span>
    </li>
  );
}
