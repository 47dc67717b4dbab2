import { useSyncExternalStore } from 'preact/compat';

// The country is in the URL, so that a reload and a new window show the same one and the back button works.
const HASH = /^#\/([A-Z]{3})$/;

/** The code of the country the page shows; `undefined` for the whole world. */
export const useCountryCode = (): string | undefined => useSyncExternalStore(subscribe, readHash);

export const toHash = (code: string | undefined): string => `#/${code ?? ''}`;

export function navigateTo(code: string | undefined): void {
  location.hash = toHash(code);
}

const readHash = (): string | undefined => HASH.exec(location.hash)?.[1];

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
