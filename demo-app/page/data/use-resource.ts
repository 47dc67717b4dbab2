import { useEffect, useState } from 'preact/hooks';
import { type LoadedResource, loadResource } from './api.ts';
import { getErrorMessage } from './errors.ts';
import { online } from './network.ts';
import { useObservable } from './observable.ts';
import type { Resource } from './resources.ts';

/** The state of a resource in a component: nothing yet, data, or an error. */
export interface ResourceState<T> {
  readonly loaded?: LoadedResource<T>;
  readonly failure?: string;
}

/**
 * Loads a resource, and loads it again when the network state or `version` changes. The last data stays until the next resource has some.
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
    // A resource is identified by its path.
  }, [resource.path, isOnline, version]);
  return state.path === resource.path ? state : {};
}
