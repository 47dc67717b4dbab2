import type { StoreSummary } from '../../contract.ts';
import { formatBytes, formatCount } from '../format.ts';
import { toHash } from '../route.ts';
import { Check } from './check.tsx';
import { Items } from './items.tsx';
import { Jobs } from './jobs.tsx';
import { Responses } from './responses.tsx';
import { type Tab, Tabs } from './tabs.tsx';

interface StoreViewProps {
  readonly summary: StoreSummary;
  readonly tab: string | undefined;
  readonly canWrite: boolean;
  readonly onChanged: () => void;
}

type TabName = 'items' | 'http' | 'jobs' | 'check';

function listTabs({ kind, hasResponses }: StoreSummary): readonly Tab<TabName>[] {
  const check = { name: 'check', label: 'Check' } as const;
  if (kind === 'queue') return [{ name: 'jobs', label: 'Jobs' }, check];
  const http = hasResponses ? ([{ name: 'http', label: 'HTTP' }] as const) : [];
  return [{ name: 'items', label: 'Items' }, ...http, check];
}

/** One store. */
export function StoreView({ summary, tab, canWrite, onChanged }: StoreViewProps) {
  const { name, kind, items = 0, bytes = 0 } = summary;
  const tabs = listTabs(summary);
  const selected = tabs.find((it) => it.name === tab)?.name ?? tabs[0]!.name;
  const props = { summary, canWrite, onChanged };
  return (
    <section class="store">
      <h2>
        {name} <small>{`${kind} · ${formatCount(items)} items · ${formatBytes(bytes)}`}</small>
      </h2>
      <Tabs
        label={`Views of ${name}`}
        tabs={tabs}
        selected={selected}
        onSelect={(next) => {
          location.hash = toHash({ view: 'store', store: name, tab: next });
        }}
      >
        {selected === 'items' && <Items {...props} />}
        {selected === 'http' && <Responses store={name} canWrite={canWrite} />}
        {selected === 'jobs' && <Jobs store={name} canWrite={canWrite} />}
        {selected === 'check' && <Check stores={[summary]} canWrite={canWrite} />}
      </Tabs>
    </section>
  );
}
