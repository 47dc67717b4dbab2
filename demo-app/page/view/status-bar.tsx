import type { CountrySummary } from '../../model/country.ts';
import type { LoadedResource } from '../data/api.ts';
import { offlineProgress } from '../data/cache-assets.ts';
import { lastError, reportError } from '../data/errors.ts';
import { online, switchedOff, switchNetwork } from '../data/network.ts';
import { useObservable } from '../data/observable.ts';
import { CacheStatusBadge } from './cache-status.tsx';
import { formatBytes, formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { OutboxButton } from './outbox.tsx';

/** Shows the network state, where the list came from, the unsent notes and what is on disk. */
export function StatusBar({
  countries,
}: {
  readonly countries: LoadedResource<readonly CountrySummary[]> | undefined;
}) {
  return (
    <footer class="status">
      <NetworkSwitch />
      <span class="status-source">{countries && <CacheStatusBadge of={countries} what="Countries" />}</span>
      <OutboxButton />
      <OfflineProgress />
    </footer>
  );
}

function NetworkSwitch() {
  const isOnline = useObservable(online);
  const isOff = useObservable(switchedOff);
  const flip = () => {
    switchNetwork(!isOff).catch((error: unknown) => reportError('The network could not be switched', error));
  };
  return (
    <>
      <button type="button" class="switch" role="switch" aria-checked={!isOff} aria-label="Network" onClick={flip} />
      <output class="network" data-state={isOnline ? 'online' : 'offline'}>
        {isOnline ? 'Online' : isOff ? 'Switched off · reading from disk' : 'No answer · reading from disk'}
      </output>
    </>
  );
}

function OfflineProgress() {
  const { countries, of, bytes } = useObservable(offlineProgress);
  if (countries < of) {
    return (
      <span class="disk" data-state="filling">
        <label>
          Keeping for offline {countries} of {of} <progress value={countries} max={of} />
        </label>
      </span>
    );
  }
  return (
    <span class="disk" data-state="ready" data-countries={countries}>
      {of > 0 && (
        <>
          <Icon name="disk" />
          {formatCount(countries, 'country', 'countries')} on disk, {formatBytes(bytes)}
        </>
      )}
    </span>
  );
}

/** Errors that belong to no particular place, until they are dismissed. */
export function ErrorMessage() {
  const words = useObservable(lastError);
  if (words === undefined) return null;
  return (
    <div class="problem" role="alert">
      <span>{words}</span>
      <button type="button" aria-label="Put this message away" onClick={() => lastError.set(undefined)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
