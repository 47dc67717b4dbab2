import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { weightOf } from '../../protocol/weight.ts';
import {
  ANSWER_PART,
  type Answer,
  type AnswerPart,
  type Failure,
  MAX_ANSWER,
  MAX_OPERATIONS,
  MAX_WHOLE_ANSWER,
  takesParts,
  UNDER_WAY,
} from '../../protocol/wire.ts';
import { isInflated } from './inflated.ts';
import type { Lane, Rota } from './rota.ts';
import type { Ran } from './run.ts';

const INFLATED =
  'The main process refused calls whose arrays have more than 10000 holes, or that refer to the same parts over and over; fill them, write less at a time';

/** What is refused without having been done. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'NOT_ALLOWED',
  'TOO_LARGE',
  'BAD_OPTION',
  'BAD_KEY',
  'BAD_VALUE',
  'NO_SUCH_STORE',
]);

/** Between two looks whether a request may begin. */
const PAUSE_MS = 10;

const isRefusal = ([, { code }]: Failure): boolean => REFUSALS.has(code);

/**
 * The requests of one page, from the port to their answers: each is looked at, waits for its turn and is answered, in order.
 *
 * Invariant: what waits is bounded, whatever the page sends; every request with an id that is a number is answered once.
 */
export class Requests {
  readonly #run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, Ran>;
  readonly #settled: (ran: Ran) => Promise<unknown> | undefined;
  readonly #answer: (answer: Answer | AnswerPart, ran?: Ran) => void;
  readonly #refused: (request: readonly unknown[], why: 'odd' | 'failed') => void;
  readonly #rota: Rota;
  readonly #lane: Lane = [];
  readonly #owner: object;
  readonly #mayBegin: () => boolean;
  #operations = 0;
  #bytes = 0;

  /**
   * `settled`: what an answer has to wait for, after its operations have run; `refused` hears of requests that are none (`odd`), and of
   * those of which no operation was let in; `owner`: whose turns its requests use; `mayBegin`: whether a request may, or is asked for again
   * a little later.
   */
  constructor(
    rota: Rota,
    run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, Ran>,
    settled: (ran: Ran) => Promise<unknown> | undefined,
    answer: (answer: Answer | AnswerPart, ran?: Ran) => void,
    refused: (request: readonly unknown[], why: 'odd' | 'failed') => void = () => {},
    owner?: object,
    mayBegin: () => boolean = () => true,
  ) {
    this.#mayBegin = mayBegin;
    this.#owner = owner ?? this.#lane;
    this.#rota = rota;
    this.#run = run;
    this.#settled = settled;
    this.#answer = answer;
    this.#refused = refused;
  }

  receive(request: readonly unknown[]): void {
    const [id, operations] = request;
    if (typeof id !== 'number') {
      this.#refused(request, 'odd');
      return;
    }
    if (request.length !== 2 || !Array.isArray(operations) || operations.length > MAX_OPERATIONS) {
      this.#refuse(id, 'NOT_ALLOWED', `The main process refused a message that is no request: [id, operations]`);
      this.#refused(request, 'odd');
      return;
    }
    if (isInflated(operations)) {
      this.#refuse(id, 'TOO_LARGE', INFLATED);
      this.#refused(request, 'odd');
      return;
    }
    // Only what has to wait is weighed.
    let weight = 0;
    const work = this.#run(operations, takesParts(id) ? MAX_ANSWER : MAX_WHOLE_ANSWER);
    let hasBegun = false;
    const job = () => {
      if (!hasBegun && !this.#mayBegin()) return PAUSE_MS;
      hasBegun = true;
      const step = work.next();
      if (step.done !== true) return step.value ?? true;
      const { failures, settled } = step.value;
      const answer = () => {
        this.#operations -= operations.length;
        this.#bytes -= weight;
        this.#post(id, step.value);
        const isInVain = failures.length > 0 && failures.length === operations.length && failures.every(isRefusal);
        if (isInVain) this.#refused(request, 'failed');
      };
      const finish = () => {
        const wait = this.#settled(step.value);
        if (wait === undefined) answer();
        else void wait.then(answer);
      };
      if (settled === undefined) finish();
      else void settled.then(finish);
      return false;
    };
    this.#operations += operations.length;
    const waiting = this.#lane.length;
    this.#rota.enter(this.#lane, job, this.#owner);
    if (this.#lane.length === waiting) return;
    weight = weightOf(operations);
    this.#bytes += weight;
    if (this.#operations <= UNDER_WAY.operations && (this.#bytes <= UNDER_WAY.bytes || this.#lane.length === 1)) return;
    this.#lane.pop();
    this.#operations -= operations.length;
    this.#bytes -= weight;
    this.#refuse(id, 'BUSY', 'This page has more under way than the main process keeps for it; wait for answers');
    this.#refused(request, 'failed');
  }

  /** Posts an answer; a large one in parts, between which others have a turn. */
  #post(id: number, ran: Ran): void {
    if (!takesParts(id) || (ran.weight ?? 0) <= 2 * ANSWER_PART) {
      this.#answer([id, ran.values, ran.failures], ran);
      return;
    }
    const parts = cut(ran.values);
    let part = parts.next().value ?? [];
    const job = () => {
      const next = parts.next();
      this.#answer(next.done ? [id, part, ran.failures] : [id, part], ran);
      if (next.done) return false;
      part = next.value;
      return true;
    };
    this.#rota.enter(this.#lane, job, this.#owner);
  }

  /** Forgets what waits. */
  close(): void {
    this.#lane.length = 0;
  }

  #refuse(id: number, code: ErrorCode, message: string): void {
    this.#answer([id, { refused: toPageErrorData(new DiskCacheError(code, message)) }]);
  }
}

/** The values in groups that weigh about `ANSWER_PART`, or are one value. */
function* cut(values: readonly unknown[]): Generator<unknown[], undefined> {
  let part: unknown[] = [];
  let weight = 0;
  for (const value of values) {
    const more = weightOf(value);
    if (part.length > 0 && weight + more > ANSWER_PART) {
      yield part;
      part = [];
      weight = 0;
    }
    part.push(value);
    weight += more;
  }
  yield part;
}
