/*
 * Hints in errors about arguments that a method of the same name takes elsewhere, and that would otherwise be ignored.
 */

/** For a default given to `get`. */
export const NO_DEFAULT = 'there is no default value: write get(key) ?? value';

/** For options given to `set` of an index. */
export const NO_OPTIONS = 'nothing expires from an index and nothing in it has a tag; a cache has { ttl, tag }';
