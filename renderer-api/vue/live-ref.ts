import { computed, type Ref, shallowRef, watch } from 'vue';
import type { Observer, Snapshot } from '../bindings/index.ts';

/** The refs of a composable, for destructuring: `const { data, error, isLoading } = useEntry(…)`. */
export interface LiveState<R> {
  /** The ref itself. */
  readonly data: R;
  /** Why the data can't be read, or why the last write failed; undefined while all is well. `data` keeps the last known value. */
  readonly error: Readonly<Ref<unknown>>;
  /** Nothing was read yet, and nothing failed. */
  readonly isLoading: Readonly<Ref<boolean>>;
  /** Reads and follows again after an error. */
  retry(): void;
}

/**
 * A ref that follows a store, with more refs as its properties. It can be awaited until it has a value, so that an async `setup` suspends its
 * component; that rejects if the data can't be read. `Loaded`: the ref that is awaited, if its type is narrower.
 */
export type LiveRef<R, Members = unknown, Loaded = R> = R &
  LiveState<R> &
  Members &
  PromiseLike<Loaded & LiveState<Loaded> & Members>;

/** While there is no key. Only entries may have none, and their value may be undefined. */
const IDLE: Snapshot<never> = { value: undefined as never, error: undefined, isLoading: false };

/** What the members of a ref are made with. */
export interface LiveParts<T> {
  /** Returns the promise of a write. A failure is the error from then on, so it need not be caught: an assignment can't. */
  track<R>(write: Promise<R>): Promise<R>;
  /** Returns a ref of a part of what is shown. */
  select<U>(part: (value: T) => U): Readonly<Ref<U>>;
}

/** Returns a ref of what is shown, for reading. */
export const toLiveRef = <T>(getObserver: () => Observer<T>): LiveRef<Readonly<Ref<T>>> =>
  createLiveRef(getObserver, ({ select }) => [select((value) => value), {}]);

/** Returns a ref that calls `set` of its members when it is assigned to. */
export const toWritableRef = <T, Members extends { set(value: T): unknown }>(
  getObserver: () => Observer<T> | undefined,
  createMembers: (track: LiveParts<T>['track']) => Members,
): LiveRef<Ref<T>, Members> =>
  createLiveRef(getObserver, ({ select, track }) => {
    const members = createMembers(track);
    const shown = select((value) => value);
    return [computed({ get: () => shown.value, set: (value) => void members.set(value) }), members];
  });

/**
 * Follows what an observer shows until the scope of the caller ends, and returns a ref of it with other members. `getObserver` is called again
 * when what it reads has changed; it returns undefined while there is nothing to follow.
 */
export function createLiveRef<T, R extends object, Members extends object>(
  getObserver: () => Observer<T> | undefined,
  createParts: (parts: LiveParts<T>) => readonly [data: R, members: Members],
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
    // Sync, so that the value of a key is never shown with another key.
    { immediate: true, flush: 'sync' },
  );

  async function load(): Promise<R> {
    let observer: Observer<T> | undefined;
    do {
      observer = current;
      await observer?.getSettled();
      // The key may have changed in the meantime, or something was written.
    } while (observer !== current || observer?.getSnapshot().isLoading);
    const error = observer?.getSnapshot().error;
    if (error !== undefined) throw error;
    // A promise that resolved with something that can be awaited would wait for it without end.
    delete ref.then;
    return ref;
  }

  const [data, members] = createParts({
    track(write) {
      const setError = (error: unknown) => {
        writeError.value = error;
      };
      write.then(() => setError(undefined), setError);
      return write;
    },
    select: (part) => computed(() => part(snapshot.value.value)),
  });
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
