import type { InspectedWindow } from '../../contract.ts';
import { formatBytes } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';

const INTERVAL_MS = 2000;

/** The windows of the application: what their pages may access, and the stores of their own. */
export function Windows() {
  const { result, error } = useCall('windows', {}, INTERVAL_MS);
  return (
    <section>
      <h2>Windows</h2>
      <ErrorNote error={error} />
      <table>
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col">Shows</th>
            <th scope="col" class="number">
              Connected pages
            </th>
            <th scope="col">Grants</th>
          </tr>
        </thead>
        <tbody>
          {result?.windows.map((window) => (
            <tr key={window.name}>
              <th scope="row">{window.name}</th>
              <td>{window.url}</td>
              <td class="number">{window.sessions}</td>
              <td>
                <Grants grants={window.grants} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>Stores of windows</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col">Kept</th>
            <th scope="col">Open</th>
            <th scope="col" class="number">
              On disk
            </th>
          </tr>
        </thead>
        <tbody>
          {result?.shards.map(({ name, lifetime, isOpen, bytes }) => (
            <tr key={`${lifetime} ${name}`}>
              <th scope="row">{name}</th>
              <td>{lifetime}</td>
              <td>{isOpen ? 'yes' : 'no'}</td>
              <td class="number">{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Grants({ grants }: Pick<InspectedWindow, 'grants'>) {
  if (grants.length === 0) return <span class="quiet">none</span>;
  return (
    <ul>
      {grants.map(({ origin, stores, bytes }) => (
        <li key={origin}>
          <code>{origin}</code>{' '}
          {Object.entries(stores)
            .map(([name, access]) => `${name}: ${access}`)
            .join(', ')}
          {bytes === undefined ? '' : `, ${formatBytes(bytes)} to write`}
        </li>
      ))}
    </ul>
  );
}
