import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { countries, toSummary } from './countries.ts';

/** A resource that the upstream serves. */
export interface ServedResource {
  readonly type: string;
  readonly body: Buffer;
  /** A strong entity tag: a digest of the body. */
  readonly etag: string;
}

const { resolve } = createRequire(import.meta.url);
const FLAGS = join(dirname(resolve('flag-icons/package.json')), 'flags', '4x3');
const WORLD = resolve('world-atlas/countries-50m.json');

const flagCodes = new Set(countries.map(({ alpha2 }) => alpha2));
const byCode = new Map(countries.map((country) => [country.code, country]));
const cachedResources = new Map<string, ServedResource>();

/** Returns the resource at `path`, created at the first request; `undefined` if unknown. */
export function findResource(path: string): ServedResource | undefined {
  const known = cachedResources.get(path);
  if (known !== undefined) return known;
  const resource = createResource(path);
  if (resource !== undefined) cachedResources.set(path, resource);
  return resource;
}

function createResource(path: string): ServedResource | undefined {
  if (path === '/v1/countries') return json(countries.map(toSummary));
  if (path === '/v1/world') return withEtag('application/json', readFileSync(WORLD));
  const country = byCode.get(stripPrefix(path, '/v1/countries/'));
  if (country !== undefined) return json(country);
  const flag = stripPrefix(path, '/flags/').replace(/\.svg$/, '');
  const file = join(FLAGS, `${flag.toLowerCase()}.svg`);
  return flagCodes.has(flag) && existsSync(file) ? withEtag('image/svg+xml', readFileSync(file)) : undefined;
}

const stripPrefix = (path: string, prefix: string): string =>
  path.startsWith(prefix) ? path.slice(prefix.length) : '';

const json = (value: unknown): ServedResource => withEtag('application/json', Buffer.from(JSON.stringify(value)));

/** A body with its entity tag. */
export function withEtag(type: string, body: Buffer): ServedResource {
  return { type, body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}
