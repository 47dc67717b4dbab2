import { type AuthInfo, app } from 'electron';

type Callback = (username?: string, password?: string) => void;
type OnChallenge = (challenge: AuthInfo, callback: Callback) => void;

/**
 * Hands the challenges of a server or proxy to `app.on('login')`, as Electron does with those of pages; there is no WebContents to name.
 * Who calls `preventDefault` calls back, now or later. Otherwise the challenge itself is the response.
 *
 * A request without credentials has none for the server either: nobody is asked for a password in the name of a foreign page.
 */
export function challengesOf({ url, credentials }: Request): OnChallenge {
  let firstAuthAttempt = true;
  return (challenge, callback) => {
    let isAnswered = false;
    const answer: Callback = (...login) => {
      if (!isAnswered) callback(...login);
      isAnswered = true;
    };
    if (credentials === 'omit' && !challenge.isProxy) return void answer();
    const event = {
      defaultPrevented: false,
      preventDefault() {
        event.defaultPrevented = true;
      },
    };
    const details = { url, pid: process.pid, isRequestForNavigation: false, firstAuthAttempt };
    firstAuthAttempt = false;
    try {
      app.emit('login', event, null, details, challenge, answer);
    } catch (error) {
      answer();
      throw error;
    }
    if (!event.defaultPrevented) answer();
  };
}
