import { DiskCacheError } from '../../protocol/error.ts';
import type { MethodName, Params } from './contract.ts';

type ParamType = 'text' | 'count' | 'flag' | 'json';

interface ParamRule {
  readonly type: ParamType;
  readonly isOptional: boolean;
}

const required = (type: ParamType): ParamRule => ({ type, isOptional: false });
const optional = (type: ParamType): ParamRule => ({ type, isOptional: true });

const TEXT = required('text');
const COUNT = required('count');
const JSON_VALUE = required('json');
const KEY_OF_STORE = { store: TEXT, key: JSON_VALUE };

/** What each method takes: everything that comes from a page is untrusted. */
const RULES: { readonly [M in MethodName]: Readonly<Record<keyof Params<M>, ParamRule>> } = {
  overview: {},
  search: {
    store: TEXT,
    prefix: optional('json'),
    glob: optional('text'),
    order: optional('text'),
    reverse: optional('flag'),
  },
  rows: { list: COUNT, from: COUNT, count: COUNT },
  tree: { store: TEXT, prefix: optional('json'), after: optional('json') },
  value: KEY_OF_STORE,
  bytes: { ...KEY_OF_STORE, from: COUNT, count: COUNT },
  changes: { since: COUNT },
  metrics: { since: COUNT },
  jobs: { store: TEXT, state: TEXT, after: optional('json') },
  responses: { store: TEXT, after: optional('json') },
  windows: {},
  check: { store: TEXT },
  repair: { store: TEXT },
  set: { ...KEY_OF_STORE, value: JSON_VALUE },
  delete: KEY_OF_STORE,
  undo: {},
  job: { store: TEXT, id: COUNT, action: TEXT },
  pause: { store: TEXT, isPaused: required('flag') },
  forget: { store: TEXT, partition: TEXT, url: TEXT },
};

export const isMethodName = (name: string): name is MethodName => Object.hasOwn(RULES, name);

const MAX_TEXT_LENGTH = 65_536;

const ACCEPTS: Readonly<Record<ParamType, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string' && value.length <= MAX_TEXT_LENGTH,
  count: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  flag: (value) => typeof value === 'boolean',
  json: (value) => value !== undefined,
};

/** @throws {DiskCacheError} `BAD_OPTION` if a parameter is missing, unknown, or of another type. */
export function parseParams<M extends MethodName>(method: M, params: unknown): Params<M> {
  if (typeof params !== 'object' || params === null || Array.isArray(params))
    throw new DiskCacheError('BAD_OPTION', `${method} takes one object of parameters`);
  const rules: Readonly<Record<string, ParamRule>> = RULES[method];
  for (const name of Object.keys(params))
    if (!Object.hasOwn(rules, name)) throw new DiskCacheError('BAD_OPTION', `${method} has no parameter ${name}`);
  for (const [name, { type, isOptional }] of Object.entries(rules)) {
    const value = (params as Readonly<Record<string, unknown>>)[name];
    if ((isOptional && value === undefined) || ACCEPTS[type](value)) continue;
    throw new DiskCacheError('BAD_OPTION', `${method}: ${name} has to be a ${type}`);
  }
  return params as Params<M>;
}
