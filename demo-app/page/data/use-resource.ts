import { useEffect, useState } from 'preact/hooks';
import { useObserved } from './observable.ts';
import { reason } from './problems.ts';
import type { Resource } from './resources.ts';
import { type Loaded, load } from './source.ts';
import { returns } from './upstream.ts';

/** What a component has of a resource: nothing yet, data, or the reason why there is none. */
export interface ResourceState<T> {
  readonly loaded?: Loaded<T>;
  readonly failure?: string;
}

/** Loads a resource, and again whenever the upstream comes back. The last answer stays until the next resource has one. */
export function useResource<T>(resource: Resource<T>): ResourceState<T> {
  const [state, setState] = useState<ResourceState<T> & { path: string }>({ path: resource.path });
  const comeback = useObserved(returns);
  // A resource is its path; a comeback is a reason to ask again.
  useEffect(() => {
    let wanted = true;
    const { path } = resource;
    load(resource, (loaded) => wanted && setState({ path, loaded })).catch(
      (error: unknown) => wanted && setState({ path, failure: reason(error) }),
    );
    return () => {
      wanted = false;
    };
  }, [resource.path, comeback]);
  return state.path === resource.path ? state : {};
}
