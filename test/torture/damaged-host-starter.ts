import { type DamagedKind, openOnly } from './damaged-start-hosts.ts';

/** `node damaged-host-starter.ts <directory> <kind>`: starts a host, until it is killed. */
const [directory, kind] = process.argv.slice(2) as [string, DamagedKind];
process.send!('begun');
openOnly(directory, kind).close();
