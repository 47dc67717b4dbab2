import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Overview, StoreSummary } from '../../contract.ts';
import { call } from '../client.ts';
import { type Route, toHash, useRoute } from '../route.ts';
import { useCall } from '../use-call.ts';
import { Changes } from './changes.tsx';
import { ErrorNote } from './error-note.tsx';
import { StoreList } from './store-list.tsx';
import { StoreView } from './store-view.tsx';
import { Windows } from './windows.tsx';

const OVERVIEW_INTERVAL_MS = 5000;

/** The whole page: what can be looked at on the left, and what is looked at. */
export function Inspector() {
  const route = useRoute();
  const { result: overview, error, reload } = useCall('overview', {}, OVERVIEW_INTERVAL_MS);
  if (overview === undefined) return error ? <ErrorNote error={error} /> : <p class="loading">Opening…</p>;
  return (
    <div class="inspector">
      <Banner overview={overview} onUndone={reload} />
      <Navigation overview={overview} route={route} />
      <main>
        <ErrorNote error={error} />
        <View overview={overview} route={route} onChanged={reload} />
      </main>
    </div>
  );
}

function Banner({ overview, onUndone }: { readonly overview: Overview; readonly onUndone: () => void }) {
  const [error, setError] = useState<Error>();
  const { undo } = overview;
  const takeBack = () =>
    call('undo', {})
      .then(() => setError(undefined), setError)
      .finally(onUndone);
  return (
    <header>
      <h1>deskcache inspector</h1>
      <span class="place" title={overview.title}>
        {overview.title}
      </span>
      <ErrorNote error={error} />
      {undo !== undefined && (
        <button type="button" onClick={takeBack} title={undo}>
          Undo
        </button>
      )}
      <span class="badge">{overview.canWrite ? 'writing allowed' : 'read-only'}</span>
    </header>
  );
}

function Navigation({ overview, route }: { readonly overview: Overview; readonly route: Route }) {
  const views: readonly (readonly [Route, string])[] = [
    [{ view: 'stores' }, 'All stores'],
    [{ view: 'changes' }, 'Changes'],
    [{ view: 'plots' }, 'Over time'],
    ...(overview.hasWindows ? [[{ view: 'windows' }, 'Windows'] as const] : []),
  ];
  const links = overview.stores.map(({ name }) => [{ view: 'store', store: name } satisfies Route, name] as const);
  return (
    <nav aria-label="Views and stores">
      <NavigationList entries={views} route={route} />
      <h2>Stores</h2>
      <NavigationList entries={links} route={route} />
    </nav>
  );
}

interface NavigationListProps {
  readonly entries: readonly (readonly [Route, string])[];
  readonly route: Route;
}

function NavigationList({ entries, route }: NavigationListProps) {
  const isCurrent = (it: Route) => it.view === route.view && it.store === route.store;
  return (
    <ul>
      {entries.map(([it, label]) => (
        <li key={label}>
          <a href={toHash(it)} aria-current={isCurrent(it) ? 'page' : undefined}>
            {label}
          </a>
        </li>
      ))}
    </ul>
  );
}

interface ViewProps {
  readonly overview: Overview;
  readonly route: Route;
  readonly onChanged: () => void;
}

function View({ overview, route, onChanged }: ViewProps) {
  if (route.view === 'changes') return <Changes />;
  if (route.view === 'plots') return <LoadedPlots stores={overview.stores} />;
  if (route.view === 'windows') return <Windows />;
  const summary = overview.stores.find(({ name }) => name === route.store);
  if (route.view === 'stores' || summary === undefined)
    return <StoreList stores={overview.stores} canWrite={overview.canWrite} />;
  return <Opened summary={summary} tab={route.tab} canWrite={overview.canWrite} onChanged={onChanged} />;
}

/** The plots' library runs when they are shown: it refuses language tags that some systems have, and the rest works without it. */
function LoadedPlots({ stores }: Pick<Overview, 'stores'>) {
  const [state, setState] = useState<{ readonly Plots?: FunctionComponent<typeof props>; readonly error?: Error }>({});
  const props = { stores };
  useEffect(() => {
    import('./plots.tsx').then(setState, (error: Error) => setState({ error }));
  }, []);
  const { Plots, error } = state;
  return Plots === undefined ? <ErrorNote error={error} /> : <Plots {...props} />;
}

interface OpenedProps {
  readonly summary: StoreSummary;
  readonly tab: string | undefined;
  readonly canWrite: boolean;
  readonly onChanged: () => void;
}

function Opened({ summary, ...rest }: OpenedProps) {
  if (summary.error !== undefined) {
    return (
      <section>
        <h2>{summary.name}</h2>
        <ErrorNote error={summary.error} />
      </section>
    );
  }
  return <StoreView key={summary.name} summary={summary} {...rest} />;
}
