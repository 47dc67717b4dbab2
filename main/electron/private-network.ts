import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { Session } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { RequestGuard } from '../offline/index.ts';

/**
 * The hosts of private networks and of this machine that pages may reach by `diskCache.fetch` and `caches.add`: all, or a list as written
 * in URLs: `nas.local` or, for one port only, `192.168.1.20:8080`.
 */
export type PrivateNetwork = boolean | readonly string[];

/** Address ranges that are not globally routed (https://www.iana.org/assignments/iana-ipv4-special-registry). */
const PRIVATE_IPV4_SUBNETS: readonly (readonly [net: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];
/** The same for IPv6, including the tunnels whose addresses lead to IPv4 ones. */
const PRIVATE_IPV6_SUBNETS: readonly (readonly [net: string, prefix: number])[] = [
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
];
/** Prefixes of the four bytes of an IPv4 address: mapped (RFC 4291), translated by the network (RFC 6052). */
const IPV4_EMBEDDING_PREFIXES: readonly string[] = ['::ffff:', '64:ff9b::'];

const PRIVATE_ADDRESSES = new BlockList();
for (const [net, prefix] of PRIVATE_IPV4_SUBNETS) PRIVATE_ADDRESSES.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of PRIVATE_IPV6_SUBNETS) PRIVATE_ADDRESSES.addSubnet(net, prefix, 'ipv6');

/** Names that exist only in private networks (RFC 6761, 6762, 8375, ICANN's `internal`), and those without a dot. */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|lan|home\.arpa|localdomain)$/;

/** Returns whether an IP address belongs to this machine or to a private network. */
export function isPrivateAddress(address: string): boolean {
  const [plain = ''] = address.split('%'); // without a zone
  if (isIP(plain) === 4) return PRIVATE_ADDRESSES.check(plain, 'ipv4');
  if (isIP(plain) !== 6) return false;
  const { hostname } = new URL(`http://[${plain}]`); // the canonical short form
  const short = hostname.slice(1, -1);
  const embedding = IPV4_EMBEDDING_PREFIXES.find((prefix) => short.startsWith(prefix));
  const [high, low] = short.slice(embedding?.length).split(':');
  if (embedding !== undefined) return isPrivateAddress(toIPv4(low === undefined ? '0' : high, low ?? high));
  return PRIVATE_ADDRESSES.check(plain, 'ipv6');
}

function toIPv4(high = '0', low = '0'): string {
  const [first, second] = [Number.parseInt(high || '0', 16), Number.parseInt(low || '0', 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join('.');
}

/**
 * Returns whether the host of a URL is private by its name alone. The URL parser has normalised all numeric forms: `127.1`, `0x7f000001`.
 */
export function isPrivateHost(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) === 0 ? PRIVATE_NAME.test(name) : isPrivateAddress(name);
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertPrivateNetwork(option: string, given: PrivateNetwork | undefined): void {
  if (given === undefined || typeof given === 'boolean') return;
  const isHost = (it: unknown) => typeof it === 'string' && !/[/*@?#]/.test(it) && URL.canParse(`http://${it}`);
  if (Array.isArray(given) && given.every(isHost)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `privateNetwork of ${option} is ${JSON.stringify(given)}; give true, or a list of hosts such as nas.local or 192.168.1.20:8080`,
  );
}

/**
 * Returns a guard that refuses requests of pages for this machine and for private networks, by name, by address, and by what the name
 * currently resolves to; undefined if all are allowed.
 */
export function createPrivateNetworkGuard(session: Session, allowed: PrivateNetwork): RequestGuard | undefined {
  if (allowed === true) return undefined;
  const hosts = new Set((allowed || []).map(toHost));
  const isAllowed = ({ host, hostname, protocol }: URL) =>
    (protocol !== 'http:' && protocol !== 'https:') || hosts.has(host) || hosts.has(hostname);
  return {
    beforeAnswer({ url }) {
      const target = new URL(url);
      if (!isAllowed(target) && isPrivateHost(target.hostname)) throw privateHostRefused(target.host);
    },
    async beforeSending({ url }) {
      const target = new URL(url);
      if (isAllowed(target)) return;
      const isPrivate =
        isPrivateHost(target.hostname) || (await resolveHost(session, target.hostname)).some(isPrivateAddress);
      if (isPrivate) throw privateHostRefused(target.host);
    },
  };
}

/** Normalises a host to the form in URLs. */
const toHost = (host: string): string => new URL(`http://${host}`).host;

/** Returns no addresses if the name has none or a proxy resolves it: the request then fails by itself, or the proxy decides. */
async function resolveHost(session: Session, hostname: string): Promise<readonly string[]> {
  // An address needs no lookup, and `isPrivateHost` has checked it.
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return [];
  try {
    // Resolved as Chromium does for the request that follows, with the same host cache.
    if (typeof session.resolveHost === 'function') {
      const { endpoints } = await session.resolveHost(hostname);
      return endpoints.map(({ address }) => address);
    }
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

const privateHostRefused = (host: string) =>
  new DiskCacheError(
    'NOT_ALLOWED',
    `${host} is on this machine or in a private network, which pages may not reach; allow it with privateNetwork of host.offline`,
  );
