import { networkInterfaces } from 'node:os';
import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { guardMembers } from '../unknown-member-guard.ts';
import { ClientRequest } from './client-request.ts';
import { Session, session } from './session.ts';

const members: ElectronMembers<Electron.Net, 'fetch' | 'isOnline'> & { readonly request: typeof request } = {
  request,
  fetch: (input, init) => session.defaultSession.fetch(input, init),
  isOnline: () =>
    Object.values(networkInterfaces())
      .flat()
      .some((address) => address?.internal === false),
};

/** Only past the handlers: that is how the library asks. */
function request(options: Electron.ClientRequestConstructorOptions): ClientRequest {
  const { session: asking = session.defaultSession, bypassCustomProtocolHandlers } = options;
  if (!(asking instanceof Session)) throw new TypeError('`session` should be an instance of the Session class');
  if (!bypassCustomProtocolHandlers) throw new Error('stand-in: net.request asks past the handlers only');
  return new ClientRequest(options, asking.load);
}

export const net = guardMembers('net', members);
