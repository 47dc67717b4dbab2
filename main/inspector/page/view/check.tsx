import { useState } from 'preact/hooks';
import type { FindingInfo, StoreSummary } from '../../contract.ts';
import { call } from '../client.ts';
import { formatKey } from '../format.ts';
import { ErrorNote } from './error-note.tsx';

interface CheckProps {
  readonly stores: readonly StoreSummary[];
  readonly canWrite: boolean;
}

interface Checked {
  readonly store: string;
  readonly findings: readonly FindingInfo[];
}

/** Checks stores one after the other, with progress; repairs those with findings where writing is allowed. */
export function Check({ stores, canWrite }: CheckProps) {
  const [checked, setChecked] = useState<readonly Checked[]>([]);
  const [running, setRunning] = useState<string>();
  const [error, setError] = useState<Error>();

  async function run(method: 'check' | 'repair', names: readonly string[]): Promise<void> {
    setChecked([]);
    setError(undefined);
    try {
      for (const store of names) {
        setRunning(store);
        const { findings } = await call(method, { store });
        setChecked((before) => [...before, { store, findings }]);
      }
    } catch (thrown) {
      setError(thrown as Error);
    } finally {
      setRunning(undefined);
    }
  }

  const damaged = checked.filter(({ findings }) => findings.length > 0).map(({ store }) => store);
  const isRunning = running !== undefined;
  return (
    <div class="check">
      <div class="toolbar">
        <button
          type="button"
          disabled={isRunning}
          onClick={() =>
            run(
              'check',
              stores.map(({ name }) => name),
            )
          }
        >
          {stores.length === 1 ? 'Check for damage' : 'Check all for damage'}
        </button>
        {canWrite && damaged.length > 0 && (
          <button type="button" disabled={isRunning} onClick={() => run('repair', damaged)}>
            Repair: delete what is damaged
          </button>
        )}
        {isRunning && <progress aria-label="Stores checked" max={stores.length} value={checked.length} />}
        <span role="status">{running === undefined ? '' : `Checking ${running}…`}</span>
      </div>
      <ErrorNote error={error} />
      <ul class="findings">
        {checked.map(({ store, findings }) => (
          <li key={store}>
            {store}: {findings.length === 0 ? 'no damage found' : `${findings.length} found`}
            <ul>
              {findings.map(({ code, message, key }, index) => (
                <li key={index}>
                  <strong>{code}</strong> {key === undefined ? '' : formatKey(key)} {message}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </div>
  );
}
