/**
 * What the inspector's page asks and gets. Plain JSON: keys and values are as `toJson` writes them. Types only, for both sides.
 */

/** A key or value as `toJson` of the engine writes it, parsed: `{"$bytes": "base64"}`, `{"$date": …}`. */
export type TaggedJson = unknown;

export type StoreKind = 'cache' | 'fanout' | 'index' | 'deque' | 'settings' | 'queue';

export interface ErrorInfo {
  readonly code: string;
  readonly message: string;
}

/** One store. Without `error` it is open. */
export interface StoreSummary {
  readonly name: string;
  readonly kind: StoreKind | undefined;
  /** Why it can't be opened or read, such as `BUSY` for a store that an application has for itself. */
  readonly error?: ErrorInfo;
  /** Items, values, settings, or jobs that aren't done. */
  readonly items?: number;
  /** On disk. */
  readonly bytes?: number;
  /** Null: without a limit. */
  readonly sizeLimit?: number | null;
  readonly evictionPolicy?: string;
  readonly codec?: string;
  /** Counted only while `statistics` is on. */
  readonly hits?: number;
  readonly misses?: number;
  readonly countsHits?: boolean;
  /** Whether it holds HTTP responses. */
  readonly hasResponses?: boolean;
}

export interface Overview {
  /** What is inspected: a directory. */
  readonly title: string;
  /** Whether the page may change anything. */
  readonly canWrite: boolean;
  /** Whether windows can be listed: only inside an application. */
  readonly hasWindows: boolean;
  /** What `undo` would take back. */
  readonly undo?: string;
  readonly stores: readonly StoreSummary[];
}

/** A row of the grid. Times are epoch milliseconds. */
export interface Row {
  /** Of a deque a position, of settings a path. */
  readonly key: TaggedJson;
  readonly bytes?: number;
  readonly storedAt?: number;
  readonly expiresAt?: number;
  readonly hits?: number;
  readonly tag?: string | number;
  readonly encoding?: string;
  /** The beginning of the value, where it is small enough to be read for a list. */
  readonly preview?: string;
  /** Why it can't be read. */
  readonly error?: ErrorInfo;
}

export interface Rows {
  /** Rows found so far or, if it is known before, of all. */
  readonly total: number;
  /** False while the store is still being walked. */
  readonly isComplete: boolean;
  /** Whether there are more matches than are listed. */
  readonly isCut: boolean;
  readonly rows: readonly Row[];
}

/** A part of a value, for display. */
export interface ValueNode {
  readonly type: string;
  /** A primitive as text; of others a summary, such as `Array(3)`. */
  readonly text: string;
  readonly children?: readonly (readonly [label: string, node: ValueNode])[];
  /** Whether members were left out. */
  readonly isCut?: boolean;
}

export interface ValueDetails {
  readonly row: Row;
  readonly accessedAt?: number;
  readonly isCompressed?: boolean;
  readonly isInFile?: boolean;
  /** Absent for a value that is too large to be shown at once; its bytes can be read in parts. */
  readonly tree?: ValueNode;
  /** The value as it can be edited; absent if it is large, or can't be written as JSON. */
  readonly json?: TaggedJson;
  /** A text value, up to 256 Ki characters. */
  readonly text?: string;
  readonly isTextCut?: boolean;
  /** Bytes of a value that is bytes or text. */
  readonly byteLength?: number;
  /** The type of an image that a browser may show. */
  readonly imageType?: string;
}

/** A child in the tree of keys: a group of keys that begin with `prefix`, or one key. */
export interface KeyNode {
  readonly label: string;
  /** What `search` and `tree` take for a group. */
  readonly prefix?: TaggedJson;
  readonly key?: TaggedJson;
}

export interface KeyNodes {
  readonly nodes: readonly KeyNode[];
  /** Where the next part begins; absent in the last one. */
  readonly next?: TaggedJson;
}

export interface ChangeRecord {
  readonly sequence: number;
  readonly at: number;
  readonly store: string;
  readonly kind: string;
  readonly key?: TaggedJson;
}

export interface Changes {
  readonly changes: readonly ChangeRecord[];
  /** Pass it as `since` of the next call. */
  readonly next: number;
  /** Changes that were dropped since `since`, because there were too many. */
  readonly missed: number;
  /** Stores whose changes can't be followed, with the reason. */
  readonly unfollowed: readonly { readonly store: string; readonly error: ErrorInfo }[];
}

/** One second. */
export interface Sample {
  readonly sequence: number;
  readonly at: number;
  /** The longest delay of the event loop, in milliseconds. */
  readonly delayMs: number;
  /** Calls of pages that were served. */
  readonly calls: number;
  readonly evictions: number;
  /** By the name of the store. */
  readonly stores: Readonly<
    Record<string, { readonly bytes: number; readonly hits?: number; readonly misses?: number }>
  >;
}

export interface QueueJob {
  readonly id: number;
  readonly state: string;
  readonly attempts: number;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly dueAt?: number;
  readonly startedAt?: number;
  readonly failedAt?: number;
  readonly error?: string;
  readonly group?: TaggedJson;
  readonly dedupeKey?: TaggedJson;
  readonly progress?: ValueNode;
  readonly payload: ValueNode;
}

export interface Jobs {
  readonly counts: Readonly<Record<string, number>>;
  readonly isPaused: boolean;
  readonly jobs: readonly QueueJob[];
  readonly next?: TaggedJson;
}

export interface StoredResponse {
  readonly partition: string;
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly receivedAt: number;
  /** Seconds. */
  readonly age: number;
  readonly lifetime: number;
  /** How a plain request for it would be answered now. */
  readonly reuse: string;
  /** The fields by which its lifetime was computed. */
  readonly reason: string;
  readonly vary: readonly string[];
  /** Whether its body is still stored. */
  readonly hasBody: boolean;
}

export interface Responses {
  readonly responses: readonly StoredResponse[];
  readonly next?: TaggedJson;
}

export interface InspectedWindow {
  readonly name: string;
  readonly url: string;
  /** Connected pages. */
  readonly sessions: number;
  readonly grants: readonly {
    readonly origin: string;
    readonly stores: Readonly<Record<string, string | undefined>>;
    readonly bytes?: number;
  }[];
}

/** The shard of a window, `diskCache.window`. */
export interface WindowShard {
  readonly name: string;
  readonly lifetime: string;
  readonly isOpen: boolean;
  readonly bytes: number;
}

interface Windows {
  readonly windows: readonly InspectedWindow[];
  readonly shards: readonly WindowShard[];
}

export interface FindingInfo {
  readonly code: string;
  readonly message: string;
  readonly key?: TaggedJson;
}

interface KeyOfStore {
  readonly store: string;
  readonly key: TaggedJson;
}

/** The methods, each with one parameter object and its result. Those in `WRITING_METHODS` are refused unless writing is allowed. */
export interface InspectorMethods {
  overview(params: object): Overview;
  /** Begins a list of the keys of a store. Its rows can be read at once; a few lists are kept. */
  search(params: {
    readonly store: string;
    /** The beginning of a text key, or the first elements of a tuple. */
    readonly prefix?: TaggedJson;
    /** `*` stands for any characters, `?` for one; compared with text keys, and with the JSON of others. */
    readonly glob?: string;
    readonly order?: 'key' | 'stored';
    readonly reverse?: boolean;
  }): { readonly list: number };
  rows(params: { readonly list: number; readonly from: number; readonly count: number }): Rows;
  tree(params: { readonly store: string; readonly prefix?: TaggedJson; readonly after?: TaggedJson }): KeyNodes;
  value(params: KeyOfStore): ValueDetails;
  /** Bytes of a value that is bytes or text, as base64. */
  bytes(params: KeyOfStore & { readonly from: number; readonly count: number }): { readonly base64: string };
  changes(params: { readonly since: number }): Changes;
  metrics(params: { readonly since: number }): { readonly samples: readonly Sample[] };
  jobs(params: { readonly store: string; readonly state: string; readonly after?: TaggedJson }): Jobs;
  responses(params: { readonly store: string; readonly after?: TaggedJson }): Responses;
  windows(params: object): Windows;
  check(params: { readonly store: string }): { readonly findings: readonly FindingInfo[] };
  repair(params: { readonly store: string }): { readonly findings: readonly FindingInfo[] };
  /** Replaces a value; expiry and tag stay unless they are given. */
  set(params: KeyOfStore & { readonly value: TaggedJson }): { readonly undo?: string };
  delete(params: KeyOfStore): { readonly undo?: string };
  /** Takes the last `set` or `delete` back, unless the item has changed since. */
  undo(params: object): { readonly undo?: string };
  job(params: { readonly store: string; readonly id: number; readonly action: 'retry' | 'remove' }): {
    readonly isDone: boolean;
  };
  pause(params: { readonly store: string; readonly isPaused: boolean }): object;
  forget(params: { readonly store: string; readonly partition: string; readonly url: string }): {
    readonly isDone: boolean;
  };
}

export type MethodName = keyof InspectorMethods;
export type Params<M extends MethodName> = Parameters<InspectorMethods[M]>[0];
export type Result<M extends MethodName> = ReturnType<InspectorMethods[M]>;
