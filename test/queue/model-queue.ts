import type { JobCounts, JobState } from '../../main/queue/index.ts';

interface ModelJob {
  readonly id: number;
  readonly priority: number;
  readonly group: number | undefined;
  readonly dedupeKey: number | undefined;
  state: JobState;
  dueAt: number;
  attempts: number;
  /** While it runs. */
  worker: string | undefined;
  ticket: number | undefined;
}

export interface ModelClaim {
  readonly id: number;
  readonly ticket: number;
  readonly attempt: number;
}

export type ModelOutcome = 'done' | 'returned' | { readonly rest: number | undefined };

/** The behaviour of a durable queue, as arrays and loops: slow, but obviously correct. */
export class ModelQueue {
  now = 0;
  readonly jobs: ModelJob[] = [];
  /** When the lease of each worker ends. */
  readonly workers = new Map<string, number>();
  #ids = 0;
  #tickets = 0;
  #done = 0;

  enqueue(delay: number, priority: number, group: number | undefined, dedupeKey: number | undefined) {
    const earlier = this.#findHolder(dedupeKey);
    if (earlier !== undefined) return { id: earlier.id, duplicate: true };
    const id = ++this.#ids;
    const fresh = { id, priority, group, dedupeKey, attempts: 0, worker: undefined, ticket: undefined };
    const job: ModelJob = { ...fresh, state: 'held', dueAt: this.now + delay };
    this.jobs.push(job);
    this.#arrive(job);
    return { id, duplicate: false };
  }

  claim(worker: string, lease: number, count: number): ModelClaim[] {
    this.promote();
    const claims = this.ready()
      .slice(0, count)
      .map((job) => {
        job.attempts++;
        const ticket = ++this.#tickets;
        Object.assign(job, { state: 'running', worker, ticket });
        return { id: job.id, ticket, attempt: job.attempts };
      });
    if (claims.length > 0) this.workers.set(worker, this.now + lease);
    return claims;
  }

  promote(): void {
    for (const job of this.jobs) if (job.state === 'delayed' && job.dueAt <= this.now) job.state = 'ready';
  }

  settle({ id, ticket }: ModelClaim, ending: ModelOutcome): boolean {
    const job = this.find(id);
    if (job?.ticket !== ticket) return false;
    if (ending === 'done') {
      this.#done++;
      this.#remove(job);
    } else if (ending === 'returned') {
      job.attempts--;
      this.#wait(job, this.now);
    } else this.#fail(job, ending.rest);
    return true;
  }

  takeOver(self: string, attempts: number): void {
    for (const [worker, until] of [...this.workers]) {
      if (worker === self || until > this.now) continue;
      this.workers.delete(worker);
      for (const job of this.jobs) {
        if (job.worker === worker) this.#fail(job, job.attempts < attempts ? 0 : undefined);
      }
    }
  }

  remove(id: number): boolean {
    const job = this.find(id);
    if (job !== undefined) this.#remove(job);
    return job !== undefined;
  }

  /** Returns undefined if it is refused because another job has the key. */
  retry(id: number): boolean | undefined {
    const job = this.find(id);
    if (job?.state !== 'dead') return false;
    if (this.#findHolder(job.dedupeKey) !== undefined) return undefined;
    job.attempts = 0;
    job.dueAt = this.now;
    this.#arrive(job);
    return true;
  }

  find = (id: number): ModelJob | undefined => this.jobs.find((job) => job.id === id);

  /** In the order in which they are started. */
  ready = (): ModelJob[] =>
    this.jobs.filter(({ state }) => state === 'ready').sort((a, b) => b.priority - a.priority || a.id - b.id);

  counts(): JobCounts {
    const counts = { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: this.#done };
    for (const { state } of this.jobs) counts[state]++;
    return counts;
  }

  #findHolder = (dedupeKey: number | undefined): ModelJob | undefined =>
    dedupeKey === undefined ? undefined : this.jobs.find((job) => job.dedupeKey === dedupeKey && job.state !== 'dead');

  #arrive(job: ModelJob): void {
    job.state = 'held';
    const busy = this.jobs.some(({ group, state }) => group === job.group && ACTIVE_STATES.has(state));
    if (job.group === undefined || !busy) this.#wait(job, job.dueAt);
  }

  #wait(job: ModelJob, dueAt: number): void {
    const state = dueAt <= this.now ? 'ready' : 'delayed';
    Object.assign(job, { state, dueAt, worker: undefined, ticket: undefined });
  }

  #fail(job: ModelJob, rest: number | undefined): void {
    if (rest !== undefined) this.#wait(job, this.now + rest);
    else {
      Object.assign(job, { state: 'dead', worker: undefined, ticket: undefined });
      this.#next(job.group);
    }
  }

  #remove(job: ModelJob): void {
    this.jobs.splice(this.jobs.indexOf(job), 1);
    this.#next(job.group);
  }

  /** If the group has no head any more, its earliest held job becomes the head. */
  #next(group: number | undefined): void {
    if (group === undefined) return;
    const members = this.jobs.filter((job) => job.group === group).sort((a, b) => a.id - b.id);
    if (members.some(({ state }) => ACTIVE_STATES.has(state))) return;
    const heir = members.find(({ state }) => state === 'held');
    if (heir !== undefined) this.#wait(heir, heir.dueAt);
  }
}

const ACTIVE_STATES: ReadonlySet<JobState> = new Set(['ready', 'delayed', 'running']);
