import { diskCache } from 'deskcache/renderer';
import { storedFlags } from '../data/cache-assets.ts';
import { useObservable } from '../data/observable.ts';

/**
 * A flag served from disk by the main process; two letters until it is stored. It has no text alternative, because it is next to the
 * country's name.
 */
export function Flag({ alpha2, large = false }: { readonly alpha2: string; readonly large?: boolean }) {
  const size = large ? 'flag flag-large' : 'flag';
  if (!useObservable(storedFlags).has(alpha2))
    return (
      <span class={`${size} flag-missing`} aria-hidden="true">
        {alpha2}
      </span>
    );
  return (
    <img
      class={size}
      src={diskCache.url('flags', alpha2)}
      alt=""
      data-flag={alpha2}
      loading="lazy"
      decoding="async"
      draggable={false}
    />
  );
}
