import { DiskCacheError } from '../../protocol/error.ts';
import { toJson } from '../engine/values/json-value.ts';
import { ChangeLog } from './change-log.ts';
import type { FindingInfo, InspectorMethods, MethodName, Params, Result } from './contract.ts';
import { Edits } from './edits.ts';
import { forgetResponses, listResponses } from './http-responses.ts';
import { type EngineAccess, findStore, type InspectionSource, summarize } from './inspected-stores.ts';
import { changeJob, listJobs, setPaused } from './jobs.ts';
import { listKeyNodes } from './key-tree.ts';
import { Metrics } from './metrics.ts';
import { parseParams } from './parse-params.ts';
import { RowLists } from './rows.ts';
import { getValueDetails, readImage, readPart } from './value-details.ts';

export interface InspectionOptions {
  readonly engine: EngineAccess;
  /** Whether pages may change anything. Default false. */
  readonly write?: boolean;
}

/** Methods that change something. */
const WRITING_METHODS: ReadonlySet<MethodName> = new Set<MethodName>([
  'set',
  'delete',
  'undo',
  'repair',
  'job',
  'pause',
  'forget',
]);

type Methods = {
  readonly [M in MethodName]: (params: Params<M>) => Result<M> | Promise<Result<M>>;
};

/** The inspector's side of open stores: carries out what its page asks for, wherever the page is shown. */
export class Inspection {
  readonly #source: InspectionSource;
  readonly #engine: EngineAccess;
  readonly #canWrite: boolean;
  readonly #lists: RowLists;
  readonly #changes: ChangeLog;
  readonly #metrics: Metrics;
  readonly #edits: Edits;

  constructor(source: InspectionSource, { engine, write = false }: InspectionOptions) {
    this.#source = source;
    this.#engine = engine;
    this.#canWrite = write;
    this.#lists = new RowLists(source, engine);
    this.#changes = new ChangeLog(source);
    this.#metrics = new Metrics(source);
    this.#edits = new Edits(source, engine);
  }

  /**
   * @throws {DiskCacheError} `NOT_ALLOWED` for a method that writes, unless writing is allowed; `BAD_OPTION` for parameters that don't fit; what
   * the stores throw.
   */
  async call<M extends MethodName>(method: M, params: unknown): Promise<Result<M>> {
    if (WRITING_METHODS.has(method) && !this.#canWrite)
      throw new DiskCacheError('NOT_ALLOWED', 'The inspector was opened for reading only; open it with write');
    const parsed = parseParams(method, params);
    return await (this.#methods[method] as (params: Params<M>) => Result<M> | Promise<Result<M>>)(parsed);
  }

  /** An image, which isn't JSON. @throws {DiskCacheError} `BAD_VALUE` for what isn't one. */
  readImage(params: unknown): { readonly type: string; readonly bytes: Uint8Array } {
    return readImage(this.#source, this.#engine, parseParams('value', params));
  }

  /** Ends what runs in the background. The stores stay open. */
  close(): void {
    this.#lists.close();
    this.#changes.close();
    this.#metrics.close();
  }

  readonly #methods: Methods = {
    overview: () => ({
      title: this.#source.title,
      canWrite: this.#canWrite,
      hasWindows: this.#source.listWindows !== undefined,
      ...this.#getUndo(),
      stores: this.#source.listStores().map((it) => summarize(it, this.#engine)),
    }),
    search: (params) => this.#lists.search(params),
    rows: (params) => this.#lists.rows(params),
    tree: (params) => listKeyNodes(this.#source, params),
    value: (params) => getValueDetails(this.#source, this.#engine, params),
    bytes: (params) => readPart(this.#source, this.#engine, params),
    changes: ({ since }) => this.#changes.read(since),
    metrics: ({ since }) => this.#metrics.read(since),
    jobs: (params) => listJobs(this.#source, params),
    responses: (params) => listResponses(this.#source, params),
    windows: () => this.#source.listWindows?.() ?? { windows: [], shards: [] },
    check: ({ store }) => this.#check(store, false),
    repair: ({ store }) => this.#check(store, true),
    set: (params) => {
      this.#edits.set(params);
      return this.#getUndo();
    },
    delete: (params) => {
      this.#edits.delete(params);
      return this.#getUndo();
    },
    undo: () => {
      this.#edits.undo();
      return this.#getUndo();
    },
    job: (params) => changeJob(this.#source, params),
    pause: (params) => {
      setPaused(this.#source, params);
      return {};
    },
    forget: (params) => forgetResponses(this.#source, params),
  };

  #getUndo(): Pick<ReturnType<InspectorMethods['undo']>, 'undo'> {
    const { label } = this.#edits;
    return label === undefined ? {} : { undo: label };
  }

  #check(store: string, repair: boolean): { readonly findings: readonly FindingInfo[] } {
    const findings = findStore(this.#source, store).store.check({ repair });
    return {
      findings: findings.map(({ code, message, key }) => ({
        code,
        message,
        ...(key !== undefined && { key: toJson(key) }),
      })),
    };
  }
}
