import type { StoreSummary } from '../../contract.ts';
import { formatBytes, formatCount, formatPercent } from '../format.ts';
import { toHash } from '../route.ts';
import { Check } from './check.tsx';

interface StoreListProps {
  readonly stores: readonly StoreSummary[];
  readonly canWrite: boolean;
}

/** All stores with their bytes, items, limits and hit rates. */
export function StoreList({ stores, canWrite }: StoreListProps) {
  return (
    <section>
      <h2>All stores</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Store</th>
            <th scope="col">Kind</th>
            <th scope="col" class="number">
              Items
            </th>
            <th scope="col" class="number">
              On disk
            </th>
            <th scope="col">Of its limit</th>
            <th scope="col">Eviction</th>
            <th scope="col" class="number">
              Hit rate
            </th>
          </tr>
        </thead>
        <tbody>
          {stores.map((store) => (
            <StoreRow key={store.name} store={store} />
          ))}
        </tbody>
      </table>
      <Check stores={stores.filter(({ error }) => error === undefined)} canWrite={canWrite} />
    </section>
  );
}

function StoreRow({ store }: { readonly store: StoreSummary }) {
  const { name, kind, error, items = 0, bytes = 0, sizeLimit, evictionPolicy } = store;
  return (
    <tr>
      <th scope="row">
        <a href={toHash({ view: 'store', store: name })}>{name}</a>
      </th>
      {error !== undefined ? (
        <td colSpan={6} class="error">
          {error.message}
        </td>
      ) : (
        <>
          <td>{kind}</td>
          <td class="number">{formatCount(items)}</td>
          <td class="number">{formatBytes(bytes)}</td>
          <td>{sizeLimit === undefined ? '' : <Usage bytes={bytes} limit={sizeLimit} name={name} />}</td>
          <td>{evictionPolicy}</td>
          <td class="number">{formatHitRate(store)}</td>
        </>
      )}
    </tr>
  );
}

function formatHitRate({ countsHits, hits = 0, misses = 0 }: StoreSummary): string {
  if (countsHits === undefined) return '';
  if (!countsHits) return 'not counted';
  return hits + misses === 0 ? 'no reads yet' : formatPercent(hits / (hits + misses));
}

function Usage({
  bytes,
  limit,
  name,
}: {
  readonly bytes: number;
  readonly limit: number | null;
  readonly name: string;
}) {
  if (limit === null) return <>no limit</>;
  return (
    <>
      <meter min={0} max={1} high={0.9} value={bytes / limit} aria-label={`Used of the limit of ${name}`} />{' '}
      {formatPercent(bytes / limit)} of {formatBytes(limit)}
    </>
  );
}
