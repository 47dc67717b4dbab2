import { useObserved } from '../data/observable.ts';
import { flagUrls } from '../data/offline.ts';

/** A flag from disk; two letters until it is there. It stands beside the country's name, so it has no words of its own. */
export function Flag({ alpha2, large = false }: { readonly alpha2: string; readonly large?: boolean }) {
  const url = useObserved(flagUrls).get(alpha2);
  const size = large ? 'flag flag-large' : 'flag';
  if (url === undefined)
    return (
      <span class={`${size} flag-missing`} aria-hidden="true">
        {alpha2}
      </span>
    );
  return <img class={size} src={url} alt="" data-flag={alpha2} loading="lazy" decoding="async" draggable={false} />;
}
