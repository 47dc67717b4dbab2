import { computed, type Ref, shallowRef, type WritableComputedRef, watch } from 'vue';
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
 * A ref that follows a store, with more refs as its properties. Awaited, it is the same as soon as there is a value, so that an async `setup`
 * suspends its component until then; it rejects if the data can't be read. `Loaded`: the ref that is awaited, if its type is narrower.
 */
export type LiveRef<R, Methods = unknown, Loaded = R> = R &
  LiveState<R> &
  Methods &
  PromiseLike<Loaded & LiveState<Loaded> & Methods>;

/** While there is no key. Only entries may have none, and their value may be undefined. */
const IDLE: Snapshot<never> = { value: undefined as never, error: undefined, isLoading: false };

/** What a composable follows. */
export class LiveData<T> {
  readonly #snapshot: Ref<Snapshot<T>> = shallowRef(IDLE);
  readonly #writeError = shallowRef<unknown>();
  #observer: Observer<T> | undefined;

  /**
   * Follows what the observer shows until the scope of the caller ends. `getObserver` is called again when what it reads has changed; it
   * returns undefined while there is nothing to follow.
   */
  constructor(getObserver: () => Observer<T> | undefined) {
    watch(
      getObserver,
      (observer, _, onCleanup) => {
        const update = () => {
          this.#snapshot.value = observer?.getSnapshot() ?? IDLE;
        };
        this.#observer = observer;
        this.#writeError.value = undefined;
        if (observer !== undefined) onCleanup(observer.subscribe(update));
        update();
      },
      // Sync, so that the value of a key is never shown with another key.
      { immediate: true, flush: 'sync' },
    );
  }

  /** Returns a ref of a part of what is shown. With `write` it is writable. */
  select<U>(part: (value: T) => U, write?: (value: U) => Promise<unknown>): WritableComputedRef<U> {
    const get = () => part(this.#snapshot.value.value);
    // Without a setter, Vue warns of an assignment.
    return (write === undefined ? computed(get) : computed({ get, set: write })) as WritableComputedRef<U>;
  }

  /** Returns the result of a write. A failure is the error from then on, so it need not be caught: an assignment can't. */
  track<R>(write: Promise<R>): Promise<R> {
    const tracked = write.then(
      (result) => {
        this.#writeError.value = undefined;
        return result;
      },
      (error: unknown) => {
        this.#writeError.value = error;
        throw error;
      },
    );
    tracked.catch(() => {});
    return tracked;
  }

  /** Returns what the composable returns: the ref that `createRef` creates, with everything else as its properties. */
  toRef<R extends object, Methods extends object>(createRef: () => R, methods: Methods): LiveRef<R, Methods> {
    const create = () => {
      const data = createRef();
      return Object.assign(data, methods, {
        data,
        error: computed(() => this.#writeError.value ?? this.#snapshot.value.error),
        isLoading: computed(() => this.#snapshot.value.isLoading),
        retry: () => this.#observer?.retry(),
      });
    };
    return Object.assign(create(), {
      // biome-ignore lint/suspicious/noThenProperty: awaited, it suspends a component
      then: (onFulfilled: () => unknown, onRejected: () => unknown) =>
        // A ref of its own, which can't be awaited: a promise would wait for it without end.
        this.#load().then(create).then(onFulfilled, onRejected),
    }) as never;
  }

  /** @throws why the data can't be read. */
  async #load(): Promise<void> {
    let observer: Observer<T> | undefined;
    // The key may change in the meantime.
    while (observer !== this.#observer) {
      observer = this.#observer;
      await observer?.settled;
    }
    const error = observer?.getSnapshot().error;
    if (error !== undefined) throw error;
  }
}
