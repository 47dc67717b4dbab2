import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import {
  MAX_IN_FLIGHT,
  MAX_OPERATIONS,
  MAX_RESPONSE_BYTES,
  MAX_SINGLE_RESPONSE_BYTES,
  type OperationFailure,
  RESPONSE_PART_BYTES,
  type ResponseMessage,
  type ResponsePart,
  takesParts,
} from '../../protocol/wire.ts';
import { isExpansionBomb } from './expansion-bomb.ts';
import type { FairScheduler, TaskQueue } from './fair-scheduler.ts';
import type { RunResults } from './run-operations.ts';

const EXPANSION_BOMB_MESSAGE =
  'The main process refused calls whose arrays have more than 10000 holes, or that refer to the same parts over and over; fill them, write less at a time';

/** Codes of operations that were refused without running. */
const REFUSAL_CODES: ReadonlySet<ErrorCode> = new Set([
  'NOT_ALLOWED',
  'TOO_LARGE',
  'BAD_OPTION',
  'BAD_KEY',
  'BAD_VALUE',
  'NO_SUCH_STORE',
]);

/** Milliseconds between two checks whether a request may start. */
const START_RETRY_MS = 10;

const isRefusal = ([, { code }]: OperationFailure): boolean => REFUSAL_CODES.has(code);

/**
 * The requests of one page, from the port to their responses: each is validated, queued and answered, in order.
 *
 * Invariant: the queue is bounded, whatever the page sends; every request with a numeric id gets exactly one response.
 */
export class RequestQueue {
  readonly #run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, RunResults>;
  readonly #afterRun: (ran: RunResults) => Promise<unknown> | undefined;
  readonly #respond: (response: ResponseMessage | ResponsePart, ran?: RunResults) => void;
  readonly #onRefused: (request: readonly unknown[], why: 'malformed' | 'refused') => void;
  readonly #scheduler: FairScheduler;
  readonly #tasks: TaskQueue = [];
  readonly #owner: object;
  readonly #mayStart: () => boolean;
  #queuedOperations = 0;
  #queuedBytes = 0;

  /**
   * `afterRun` returns what a response must wait for after its operations have run. `onRefused` is called for malformed requests, and for
   * those whose operations were all refused. `owner`: whose turns the requests use. `mayStart` returns whether a request may start; if
   * not, it is called again a little later.
   */
  constructor(
    scheduler: FairScheduler,
    run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, RunResults>,
    afterRun: (ran: RunResults) => Promise<unknown> | undefined,
    respond: (response: ResponseMessage | ResponsePart, ran?: RunResults) => void,
    onRefused: (request: readonly unknown[], why: 'malformed' | 'refused') => void = () => {},
    owner?: object,
    mayStart: () => boolean = () => true,
  ) {
    this.#mayStart = mayStart;
    this.#owner = owner ?? this.#tasks;
    this.#scheduler = scheduler;
    this.#run = run;
    this.#afterRun = afterRun;
    this.#respond = respond;
    this.#onRefused = onRefused;
  }

  receive(request: readonly unknown[]): void {
    const [id, operations] = request;
    if (typeof id !== 'number') {
      this.#onRefused(request, 'malformed');
      return;
    }
    if (request.length !== 2 || !Array.isArray(operations) || operations.length > MAX_OPERATIONS) {
      this.#refuse(id, 'NOT_ALLOWED', `The main process refused a message that is not a request: [id, operations]`);
      this.#onRefused(request, 'malformed');
      return;
    }
    if (isExpansionBomb(operations)) {
      this.#refuse(id, 'TOO_LARGE', EXPANSION_BOMB_MESSAGE);
      this.#onRefused(request, 'malformed');
      return;
    }
    // Only requests that have to wait are measured.
    let weight = 0;
    const work = this.#run(operations, takesParts(id) ? MAX_RESPONSE_BYTES : MAX_SINGLE_RESPONSE_BYTES);
    let hasStarted = false;
    const task = () => {
      if (!hasStarted && !this.#mayStart()) return START_RETRY_MS;
      hasStarted = true;
      const step = work.next();
      if (step.done !== true) return step.value ?? true;
      const { failures, settled } = step.value;
      const respond = () => {
        this.#queuedOperations -= operations.length;
        this.#queuedBytes -= weight;
        this.#post(id, step.value);
        const isRefused = failures.length > 0 && failures.length === operations.length && failures.every(isRefusal);
        if (isRefused) this.#onRefused(request, 'refused');
      };
      const finish = () => {
        const wait = this.#afterRun(step.value);
        if (wait === undefined) respond();
        else void wait.then(respond);
      };
      if (settled === undefined) finish();
      else void settled.then(finish);
      return false;
    };
    this.#queuedOperations += operations.length;
    const waiting = this.#tasks.length;
    this.#scheduler.enqueue(this.#tasks, task, this.#owner);
    if (this.#tasks.length === waiting) return;
    weight = estimateBytes(operations);
    this.#queuedBytes += weight;
    if (
      this.#queuedOperations <= MAX_IN_FLIGHT.operations &&
      (this.#queuedBytes <= MAX_IN_FLIGHT.bytes || this.#tasks.length === 1)
    )
      return;
    this.#tasks.pop();
    this.#queuedOperations -= operations.length;
    this.#queuedBytes -= weight;
    this.#refuse(id, 'BUSY', 'This page has more calls in flight than the main process accepts; wait for responses');
    this.#onRefused(request, 'refused');
  }

  /** Posts a response; a large one in parts, between which others have a turn. */
  #post(id: number, ran: RunResults): void {
    if (!takesParts(id) || (ran.bytes ?? 0) <= 2 * RESPONSE_PART_BYTES) {
      this.#respond([id, ran.values, ran.failures], ran);
      return;
    }
    const parts = splitValues(ran.values);
    let part = parts.next().value ?? [];
    const task = () => {
      const next = parts.next();
      this.#respond(next.done ? [id, part, ran.failures] : [id, part], ran);
      if (next.done) return false;
      part = next.value;
      return true;
    };
    this.#scheduler.enqueue(this.#tasks, task, this.#owner);
  }

  /** Drops the pending requests. */
  close(): void {
    this.#tasks.length = 0;
  }

  #refuse(id: number, code: ErrorCode, message: string): void {
    this.#respond([id, { refused: toPageErrorData(new DiskCacheError(code, message)) }]);
  }
}

/** Groups values into parts of about `RESPONSE_PART_BYTES` bytes; a larger value is a part of its own. */
function* splitValues(values: readonly unknown[]): Generator<unknown[], undefined> {
  let part: unknown[] = [];
  let weight = 0;
  for (const value of values) {
    const more = estimateBytes(value);
    if (part.length > 0 && weight + more > RESPONSE_PART_BYTES) {
      yield part;
      part = [];
      weight = 0;
    }
    part.push(value);
    weight += more;
  }
  yield part;
}
