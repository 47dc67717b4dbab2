import { isGone, newOwner, type Owner } from '../owner.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { withoutFailing } from './upkeep.ts';

/** A holder that does not renew for so long is taken for dead; one whose process is gone, at once. */
const LEASE_SECONDS = 30;
const RENEWAL = 10_000;

const RENEWING = 'Renewing or ending a lease of';

/** The right to do something alone, among all processes and threads that share a directory. */
export interface Lease {
  /** Until then it is renewed, as long as the event loop turns. */
  release(): void;
}

/** Takes the lease of a name; undefined when somebody else has it. */
export function takeLease(core: Core, name: KeyColumn): Lease | undefined {
  const { sql } = core;
  const owner = newOwner();
  const holder = JSON.stringify(owner);
  dropDead(core, name);
  if (sql.takeLease.run(name, holder, owner.pid, LEASE_SECONDS).changes === 0) return undefined;
  const timer = setInterval(() => renew(core, name, holder), RENEWAL);
  timer.unref();
  const lease: Lease = {
    release() {
      clearInterval(timer);
      if (core.leases.delete(lease)) sql.releaseLease.run(name, holder);
    },
  };
  core.leases.add(lease);
  return lease;
}

/** A lock that somebody holds too long is tried again next time; there are two more before the lease ends. */
function renew(core: Core, name: KeyColumn, holder: string): void {
  withoutFailing(core, () => core.sql.renewLease.run(LEASE_SECONDS, name, holder), RENEWING);
}

/** At close: who still computes does it for itself alone. */
export function releaseAll(core: Core): void {
  // Others take it from a holder that has gone.
  for (const lease of [...core.leases]) withoutFailing(core, () => lease.release(), RENEWING);
}

/** Whether somebody has the lease of a name. */
export function isLeased(core: Core, name: KeyColumn): boolean {
  dropDead(core, name);
  return core.sql.leaseHolder.first(name) !== undefined;
}

/** One whose process has ended is not waited for, also when its number was given to another process. */
function dropDead({ sql }: Core, name: KeyColumn): void {
  const [holder] = sql.leaseHolder.first(name) ?? [];
  if (holder !== undefined && isGone(ownerOf(holder))) sql.releaseLease.run(name, holder);
}

const ownerOf = (holder: string): Owner => JSON.parse(holder) as Owner;
