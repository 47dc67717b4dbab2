import { useState } from 'preact/hooks';
import type { QueueJob, TaggedJson } from '../../contract.ts';
import { call } from '../client.ts';
import { formatCount, formatKey, formatTime } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';
import { type Tab, Tabs } from './tabs.tsx';
import { ValueTree } from './value-tree.tsx';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const;
const INTERVAL_MS = 1000;

interface JobsProps {
  readonly store: string;
  readonly canWrite: boolean;
}

/** The jobs of a queue by state, with what can be done for them. */
export function Jobs({ store, canWrite }: JobsProps) {
  const [state, setState] = useState<(typeof STATES)[number]>('ready');
  const [after, setAfter] = useState<TaggedJson>();
  const params = { store, state, ...(after !== undefined && { after }) };
  const { result, error, reload } = useCall('jobs', params, INTERVAL_MS);
  const [failure, setFailure] = useState<Error>();
  const run = (done: Promise<unknown>): void => {
    done.then(() => setFailure(undefined), setFailure).finally(reload);
  };
  const tabs = STATES.map((name): Tab<(typeof STATES)[number]> => {
    const count = result?.counts[name];
    return { name, label: count === undefined ? name : `${name} ${formatCount(count)}` };
  });
  return (
    <div class="jobs">
      <div class="toolbar">
        <span role="status">
          {result?.isPaused ? 'Paused: no more jobs are started' : 'Not paused'},{' '}
          {formatCount(result?.counts['done'] ?? 0)} done
        </span>
        {canWrite && result !== undefined && (
          <button type="button" onClick={() => run(call('pause', { store, isPaused: !result.isPaused }))}>
            {result.isPaused ? 'Resume' : 'Pause'}
          </button>
        )}
      </div>
      <ErrorNote error={error ?? failure} />
      <Tabs
        label="Jobs by state"
        tabs={tabs}
        selected={state}
        onSelect={(next) => {
          setAfter(undefined);
          setState(next);
        }}
      >
        {result?.jobs.length === 0 && <p class="quiet">No jobs in this state.</p>}
        {result?.jobs.map((job) => (
          <JobCard
            key={job.id}
            job={job}
            {...(canWrite && { onAction: (action) => run(call('job', { store, id: job.id, action })) })}
          />
        ))}
        {result?.next !== undefined && (
          <button type="button" onClick={() => setAfter(result.next)}>
            More
          </button>
        )}
      </Tabs>
    </div>
  );
}

interface JobCardProps {
  readonly job: QueueJob;
  readonly onAction?: (action: 'retry' | 'remove') => void;
}

function JobCard({ job, onAction }: JobCardProps) {
  const { id, state, attempts, enqueuedAt, dueAt, startedAt, error, failedAt, group, progress, payload } = job;
  const facts = [
    `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
    `enqueued ${formatTime(enqueuedAt)}`,
    ...(dueAt === undefined ? [] : [`due ${formatTime(dueAt)}`]),
    ...(startedAt === undefined ? [] : [`started ${formatTime(startedAt)}`]),
    ...(group === undefined ? [] : [`group ${formatKey(group)}`]),
  ];
  return (
    <article class="job" aria-label={`Job ${id}`}>
      <div class="toolbar">
        <h3>Job {id}</h3>
        <span>{facts.join(' · ')}</span>
        {onAction !== undefined && state === 'dead' && (
          <button type="button" onClick={() => onAction('retry')}>
            Retry
          </button>
        )}
        {onAction !== undefined && (
          <button type="button" onClick={() => onAction('remove')}>
            {state === 'running' ? 'Cancel' : 'Remove'}
          </button>
        )}
      </div>
      {error !== undefined && (
        <p class="error">
          {failedAt === undefined ? '' : `${formatTime(failedAt)} `}
          {error}
        </p>
      )}
      {progress !== undefined && <ValueTree node={progress} label="progress" />}
      <ValueTree node={payload} label="payload" />
    </article>
  );
}
