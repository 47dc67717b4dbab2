import { useEffect, useState } from 'preact/hooks';
import { type LoadedResource, loadResource } from './api.ts';
import { getErrorMessage } from './errors.ts';
import { online } from './network.ts';
import { useObservable } from './observable.ts';
import type { Resource } from './resources.ts';

/** What a component has of a resource: nothing yet, data, or the reason why there is none. */
export interface ResourceState<T> {
  readonly loaded?: LoadedResource<T>;
  readonly failure?: string;
}

/**
 * Loads a resource, and again whenever the network comes or goes and when `version` changes. The last answer stays until the next
 * resource has one.
 */
export function useResource<T>(resource: Resource<T>, version = 0): ResourceState<T> {
  const [state, setState] = useState<ResourceState<T> & { path: string }>({ path: resource.path });
  const isOnline = useObservable(online);
  useEffect(() => {
    let wanted = true;
    const { path } = resource;
    loadResource(resource, (loaded) => wanted && setState({ path, loaded })).catch(
      (error: unknown) => wanted && setState({ path, failure: getErrorMessage(error) }),
    );
    return () => {
      wanted = false;
    };
    // A resource is its path.
  }, [resource.path, isOnline, version]);
  return state.path === resource.path ? state : {};
}
