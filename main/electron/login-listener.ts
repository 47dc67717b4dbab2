import { type AuthInfo, app } from 'electron';

type Callback = (username?: string, password?: string) => void;
type OnChallenge = (challenge: AuthInfo, callback: Callback) => void;

/**
 * Returns a listener that hands the challenges of a server or proxy to `app.on('login')`, as Electron does with those of pages, but without
 * a WebContents. An application's listener that calls `preventDefault` must call back, now or later. If none does, the challenge itself is
 * the response.
 *
 * A server's challenge to a request without credentials is not handed on: a foreign page must not make the user enter a password.
 */
export function createLoginListener({ url, credentials }: Request): OnChallenge {
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
