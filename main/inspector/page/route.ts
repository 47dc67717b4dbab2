import { useEffect, useState } from 'preact/hooks';

/** What is shown: a view of everything, or a store and one of its views. */
export interface Route {
  readonly view: 'stores' | 'changes' | 'plots' | 'windows' | 'store';
  readonly store?: string;
  readonly tab?: string;
}

const VIEWS: readonly string[] = ['stores', 'changes', 'plots', 'windows'] satisfies Route['view'][];

function parseRoute(hash: string): Route {
  const [, view = '', store, tab] = hash.split('/').map(decodeURIComponent);
  if (view === 'store' && store !== undefined) return { view, store, ...(tab !== undefined && { tab }) };
  return { view: VIEWS.includes(view) ? (view as Route['view']) : 'stores' };
}

export const toHash = ({ view, store, tab }: Route): string =>
  `#/${[view, store, tab]
    .filter((part) => part !== undefined)
    .map(encodeURIComponent)
    .join('/')}`;

/** Returns the route in the address of the page. Links change it, and the browser's history. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return parseRoute(hash);
}
