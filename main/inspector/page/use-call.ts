import { useCallback, useEffect, useState } from 'preact/hooks';
import type { MethodName, Params, Result } from '../contract.ts';
import { call } from './client.ts';

export interface CallState<T> {
  /** The last result, also while it is called again. */
  readonly result: T | undefined;
  readonly error: Error | undefined;
  readonly reload: () => void;
}

/** Calls a method when the component appears, when its parameters change, and every `intervalMs`. */
export function useCall<M extends MethodName>(method: M, params: Params<M>, intervalMs?: number): CallState<Result<M>> {
  const [state, setState] = useState<Omit<CallState<Result<M>>, 'reload'>>({ result: undefined, error: undefined });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(params);
  useEffect(() => {
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    call(method, params)
      .then(
        (result) => isCurrent && setState({ result, error: undefined }),
        (error: Error) => isCurrent && setState(({ result }) => ({ result, error })),
      )
      .finally(() => {
        if (isCurrent && intervalMs !== undefined) timer = setTimeout(() => setRound((it) => it + 1), intervalMs);
      });
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [method, key, round, intervalMs]);
  const reload = useCallback(() => setRound((it) => it + 1), []);
  return { ...state, reload };
}
