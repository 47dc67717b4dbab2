import type { CountrySummary } from '../../model/country.ts';
import { kept } from '../data/keep.ts';
import { online, switchedOff, switchNetwork } from '../data/network.ts';
import { useObserved } from '../data/observable.ts';
import { problem, report } from '../data/problems.ts';
import type { Loaded } from '../data/source.ts';
import { formatBytes, formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { OutboxButton } from './outbox.tsx';
import { Provenance } from './provenance.tsx';

/** Whether there is a network, where the list came from, what waits to be sent, and what is on disk. */
export function StatusBar({ countries }: { readonly countries: Loaded<readonly CountrySummary[]> | undefined }) {
  return (
    <footer class="status">
      <Network />
      <span class="status-source">{countries && <Provenance of={countries} what="Countries" />}</span>
      <OutboxButton />
      <Disk />
    </footer>
  );
}

function Network() {
  const isOnline = useObserved(online);
  const isOff = useObserved(switchedOff);
  const flip = () => {
    switchNetwork(!isOff).catch((error: unknown) => report('The network could not be switched', error));
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

function Disk() {
  const { countries, of, bytes } = useObserved(kept);
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

/** What went wrong and has no place of its own, until it is put away. */
export function Problem() {
  const words = useObserved(problem);
  if (words === undefined) return null;
  return (
    <div class="problem" role="alert">
      <span>{words}</span>
      <button type="button" aria-label="Put this message away" onClick={() => problem.set(undefined)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
