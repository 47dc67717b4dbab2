import type { CountrySummary } from '../../model/country.ts';
import { onDisk } from '../data/disk.ts';
import { useObserved } from '../data/observable.ts';
import { filling } from '../data/offline.ts';
import { problem } from '../data/problems.ts';
import type { Loaded } from '../data/source.ts';
import { reachable } from '../data/upstream.ts';
import { formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { Provenance } from './provenance.tsx';

/** Whether there is a network, where the list came from, and what is on disk. */
export function StatusBar({ countries }: { readonly countries: Loaded<readonly CountrySummary[]> | undefined }) {
  return (
    <footer class="status">
      <Network />
      <span class="status-source">{countries && <Provenance of={countries} what="Countries" />}</span>
      <Disk />
    </footer>
  );
}

function Network() {
  const online = useObserved(reachable);
  const state = online === undefined ? 'asking' : online ? 'online' : 'offline';
  const words = { asking: 'Connecting…', online: 'Online', offline: 'Offline · reading from disk' };
  return (
    <output class="network" data-state={state}>
      {words[state]}
    </output>
  );
}

function Disk() {
  const counts = useObserved(onDisk);
  const progress = useObserved(filling);
  if (progress !== undefined) {
    return (
      <span class="disk" data-state="filling">
        <label>
          Keeping for offline {progress.done} of {progress.of} <progress value={progress.done} max={progress.of} />
        </label>
      </span>
    );
  }
  if (counts === undefined) return <span class="disk" />;
  const { answers, flags, notes } = counts;
  return (
    <span class="disk" data-state="ready" data-answers={answers} data-flags={flags} data-notes={notes}>
      <Icon name="disk" />
      {formatCount(answers, 'answer')}, {formatCount(flags, 'flag')}, {formatCount(notes, 'note')} on disk
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
