import { computed, type Ref, shallowRef, watch } from 'vue';
import type { Observer, Snapshot } from '../bindings/index.ts';
import { IDLE, waitUntilLoaded } from '../bindings/loading.ts';

/** The refs of a composable, for destructuring: `const { data, error, isLoading } = useEntry(…)`. */
export interface LiveState<R> {
  /** The ref itself. */
  readonly data: R;
  /** Why the data can't be read, or why the last write failed; otherwise undefined. `data` keeps the last known value. */
  readonly error: Readonly<Ref<unknown>>;
  /** Whether the first read has neither succeeded nor failed yet. */
  readonly isLoading: Readonly<Ref<boolean>>;
  /** Reads and follows again after an error. */
  retry(): void;
}

/**
 * A ref that follows a store, with more refs as its properties. Awaiting it waits for its first value, so that an async `setup` suspends its
 * component, and rejects if the data can't be read. `Loaded` is the type of the awaited ref, if it is narrower.
 */
export type LiveRef<R, Members = unknown, Loaded = R> = R &
  LiveState<R> &
  Members &
  PromiseLike<Loaded & LiveState<Loaded> & Members>;

/** Returns the promise of a write. A failure is the error from then on, so it need not be caught: an assignment can't. */
export type TrackWrite = <R>(write: Promise<R>) => Promise<R>;

/** Returns a ref of a part of the value. */
export type SelectPart<T> = <U>(part: (value: T) => U) => Readonly<Ref<U>>;

/** Returns a read-only ref of an observer's value. */
export const toLiveRef = <T>(getObserver: () => Observer<T>): LiveRef<Readonly<Ref<T>>> =>
  createLiveRef(getObserver, (select) => [select((value) => value), {}]);

/** Returns a ref of an observer's value that calls `set` of its members when it is assigned to. */
export const toWritableRef = <T, Members extends { set(value: T): unknown }>(
  getObserver: () => Observer<T> | undefined,
  createMembers: (track: TrackWrite) => Members,
): LiveRef<Ref<T>, Members> =>
  createLiveRef(getObserver, (select, track) => {
    const members = createMembers(track);
    const shown = select((value) => value);
    return [computed({ get: () => shown.value, set: (value) => void members.set(value) }), members];
  });

/**
 * Follows an observer until the caller's effect scope ends. Returns a ref with members. `getObserver` is called again when reactive state that it
 * reads has changed; it returns undefined while there is nothing to follow.
 */
export function createLiveRef<T, R extends object, Members extends object>(
  getObserver: () => Observer<T> | undefined,
  createParts: (select: SelectPart<T>, track: TrackWrite) => readonly [data: R, members: Members],
): LiveRef<R, Members> {
  const snapshot = shallowRef<Snapshot<T>>(IDLE);
  const writeError = shallowRef<unknown>();
  let current: Observer<T> | undefined;
  watch(
    getObserver,
    (observer, _, onCleanup) => {
      const update = () => {
        snapshot.value = observer?.getSnapshot() ?? IDLE;
      };
      current = observer;
      writeError.value = undefined;
      if (observer) onCleanup(observer.subscribe(update));
      update();
    },
    // Synchronous, so that the value of one key is never shown with another key.
    { immediate: true, flush: 'sync' },
  );

  async function load(): Promise<R> {
    await waitUntilLoaded(() => current);
    // A promise that resolves with a thenable waits for it, so the ref would wait for itself.
    delete ref.then;
    return ref;
  }

  const [data, members] = createParts(
    (part) => computed(() => part(snapshot.value.value)),
    (write) => {
      const setError = (error: unknown) => {
        writeError.value = error;
      };
      write.then(() => setError(undefined), setError);
      return write;
    },
  );
  const ref: R & { then?: unknown } = Object.assign(data, members, {
    data,
    error: computed(() => writeError.value ?? snapshot.value.error),
    isLoading: computed(() => snapshot.value.isLoading),
    retry: () => current?.retry(),
    // biome-ignore lint/suspicious/noThenProperty: awaited, it suspends a component
    then: (...listeners: [() => unknown]) => load().then(...listeners),
  });
  return ref as never;
}
