import { useEffect, useState } from 'preact/hooks';
import { online } from '../data/network.ts';
import { useObservable } from '../data/observable.ts';
import type { PostedNote } from '../data/outbox.ts';
import { Icon } from './icon.tsx';

/** The delivery state of a note as text. */
export function DeliveryState({ of: { state, error, dueAt } }: { readonly of: PostedNote }) {
  const isOnline = useObservable(online);
  return (
    <span class="post-state" data-state={state}>
      {state === 'running' && (
        <>
          <Icon name="outbox" /> Sending…
        </>
      )}
      {(state === 'ready' || state === 'held') && (
        <>
          <Icon name="clock" /> {isOnline ? 'Waiting for its turn' : 'Waiting for the network'}
        </>
      )}
      {state === 'delayed' && (
        <>
          <Icon name="again" /> {isOnline ? <Countdown to={dueAt} /> : 'Again with the network'}:{' '}
          {stripErrorName(error)}
        </>
      )}
      {state === 'dead' && (
        <>
          <Icon name="refused" /> Not sent: {stripErrorName(error)}
        </>
      )}
    </span>
  );
}

function Countdown({ to = 0 }: { readonly to: number | undefined }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(ticking);
  }, []);
  const seconds = Math.ceil((to - now) / 1000);
  return <>{seconds > 0 ? `Again in ${seconds} s` : 'Again now'}</>;
}

/** Removes the name of the error's class, which means nothing to the user. */
const stripErrorName = (error = 'it failed'): string => error.replace(/^\w+: /, '');
