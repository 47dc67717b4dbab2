import type { WebFrameMain } from 'electron';
import { describe, expect, it } from 'vitest';
import { allowOwnPages, getSender } from '../../main/electron/sender.ts';

const frame = (fields: Partial<Record<keyof WebFrameMain, unknown>>): WebFrameMain =>
  ({
    url: 'app://atlas/index.html',
    origin: 'app://atlas',
    parent: null,
    detached: false,
    isDestroyed: () => false,
    ...fields,
  }) as unknown as WebFrameMain;

describe('the sender of a handshake', () => {
  it('is read from its frame', () => {
    expect(getSender(frame({}), 'main')).toEqual({
      window: 'main',
      origin: 'app://atlas',
      url: 'app://atlas/index.html',
      isTop: true,
    });
    expect(getSender(frame({ parent: frame({}) }), 'main')?.isTop).toBe(false);
  });

  it.each([
    ['is gone', null],
    ['is destroyed', frame({ isDestroyed: () => true })],
    ['is detached', frame({ detached: true })],
    ['shows nothing yet', frame({ url: '', origin: '' })],
    ['is about:blank', frame({ url: 'about:blank', origin: 'app://atlas' })],
    ['is about:srcdoc', frame({ url: 'about:srcdoc', origin: 'app://atlas' })],
    ['has an opaque origin', frame({ url: 'data:text/html,hello', origin: 'null' })],
    ['has no origin', frame({ origin: '' })],
  ])('is unknown when the frame %s', (_, its) => {
    expect(getSender(its, 'main')).toBeUndefined();
  });
});

describe('ownPages, the default', () => {
  const asks = (origin: string, isTop = true) => ({ window: 'main', origin, url: `${origin}/`, isTop });

  it.each(['app://atlas', 'file://', 'my-app://host'])('grants everything to the top frame of %s', (origin) => {
    expect(allowOwnPages(true)(asks(origin))).toEqual({ stores: { '*': 'admin', '@fetch': 'admin' } });
    expect(allowOwnPages(true)(asks(origin, false))).toBeNull();
  });

  it.each([
    'https://example.org',
    'http://localhost.example.org',
    'https://localhost:5173.example.org',
    'blob:https://example.org',
    'chrome-extension://abc',
    'devtools://devtools',
    'deskcache://assets',
    'data:',
    'HTTPS://EXAMPLE.ORG',
    'null',
    '',
  ])('grants nothing to %s', (origin) => {
    expect(allowOwnPages(false)(asks(origin))).toBeNull();
  });

  it('grants a development server only while the application is not packaged', () => {
    for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:80', 'https://localhost']) {
      expect(allowOwnPages(false)(asks(origin))).not.toBeNull();
      expect(allowOwnPages(true)(asks(origin))).toBeNull();
    }
  });
});
