import { useState } from 'preact/hooks';
import type { StoredResponse, TaggedJson } from '../../contract.ts';
import { call } from '../client.ts';
import { formatDuration, formatTime } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';

const REUSES: Readonly<Record<string, string>> = {
  fresh: 'fresh',
  stale: 'stale, used if a request allows it',
  'while-revalidating': 'stale, used while it is revalidated',
  'after-validation': 'stale, used after the origin has confirmed it',
};

interface ResponsesProps {
  readonly store: string;
  readonly canWrite: boolean;
}

/** The responses of an HTTP cache: what a request for each would get now, and why. */
export function Responses({ store, canWrite }: ResponsesProps) {
  const [after, setAfter] = useState<TaggedJson>();
  const { result, error, reload } = useCall('responses', { store, ...(after !== undefined && { after }) });
  const [selected, setSelected] = useState<StoredResponse>();
  const [failure, setFailure] = useState<Error>();
  function forget({ partition, url }: StoredResponse): void {
    setSelected(undefined);
    call('forget', { store, partition, url })
      .then(() => setFailure(undefined), setFailure)
      .finally(reload);
  }
  return (
    <div class="responses">
      <ErrorNote error={error ?? failure} />
      <table>
        <thead>
          <tr>
            <th scope="col">URL</th>
            <th scope="col">Partition</th>
            <th scope="col" class="number">
              Status
            </th>
            <th scope="col">Age</th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          {result?.responses.map((response) => (
            <tr key={`${response.partition} ${response.url} ${response.receivedAt}`}>
              <th scope="row">
                <button type="button" class="link" onClick={() => setSelected(response)}>
                  {response.url}
                </button>
              </th>
              <td>{response.partition || 'none'}</td>
              <td class="number">{response.status}</td>
              <td>{formatDuration(response.age * 1000)}</td>
              <td class={response.reuse === 'fresh' ? 'good' : 'warning'}>
                {response.hasBody ? response.reuse.replaceAll('-', ' ') : 'body evicted'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="toolbar">
        {after !== undefined && (
          <button type="button" onClick={() => setAfter(undefined)}>
            First
          </button>
        )}
        {result?.next !== undefined && (
          <button type="button" onClick={() => setAfter(result.next)}>
            More
          </button>
        )}
      </div>
      {selected !== undefined && (
        <ResponseDetails response={selected} {...(canWrite && { onForget: () => forget(selected) })} />
      )}
    </div>
  );
}

interface ResponseDetailsProps {
  readonly response: StoredResponse;
  readonly onForget?: () => void;
}

function ResponseDetails({ response, onForget }: ResponseDetailsProps) {
  const { url, status, statusText, headers, receivedAt, age, lifetime, reuse, reason, vary } = response;
  return (
    <section class="value" aria-label="The selected response">
      <div class="toolbar">
        <h3>{url}</h3>
        {onForget !== undefined && (
          <button type="button" onClick={onForget}>
            Forget
          </button>
        )}
      </div>
      <p>
        {REUSES[reuse] ?? reuse}: {formatDuration(age * 1000)} old, fresh for {formatDuration(lifetime * 1000)} by{' '}
        <code>{reason}</code>. Received {formatTime(receivedAt)}.{' '}
        {vary.length > 0 && `Chosen by the request’s ${vary.join(', ')}.`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre class="text" tabIndex={0}>
        {[`${status} ${statusText}`, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\n')}
      </pre>
    </section>
  );
}
