import type { FieldNote } from '../../model/note.ts';
import { useObservable } from '../data/observable.ts';
import { outbox } from '../data/outbox.ts';
import { DeliveryState } from './delivery-state.tsx';
import { formatInstant } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly code: string;
  /** The delivered notes about all countries. */
  readonly sent: readonly FieldNote[];
}

/** The notes about a country: unsent ones, then delivered ones, newest first. */
export function FieldNotes({ code, sent }: Props) {
  const ids = new Set(sent.map(({ id }) => id));
  const posted = useObservable(outbox).filter(({ payload }) => payload.code === code && !ids.has(payload.id));
  const arrived = sent.filter((note) => note.code === code);
  if (posted.length + arrived.length === 0) return null;
  return (
    <ol class="field-notes">
      {posted.toReversed().map((post) => (
        <li key={post.payload.id}>
          <p>{post.payload.text}</p>
          <DeliveryState of={post} />
        </li>
      ))}
      {arrived.toReversed().map(({ id, text, writtenAt }) => (
        <li key={id}>
          <p>{text}</p>
          <span class="post-state" data-state="sent">
            <Icon name="tick" /> Sent, written {formatInstant(writtenAt)}
          </span>
        </li>
      ))}
    </ol>
  );
}
