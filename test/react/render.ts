import { Component, createElement, type FunctionComponent, type ReactNode, StrictMode, Suspense } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { expect } from 'vitest';

/** Shows an error, and what it holds again when `reset` is called. */
class Boundary extends Component<{ readonly children: ReactNode }, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    const reset = () => this.setState({ error: undefined as never });
    if (error === undefined) return this.props.children;
    return createElement(
      'button',
      { type: 'button', onClick: reset },
      `error ${(error as { code?: string }).code ?? error.message}`,
    );
  }
}

export interface Rendered {
  readonly text: string;
  /** Every text that the page has shown. */
  readonly shown: readonly string[];
  shows(text: string | RegExp): Promise<void>;
  click(selector: string): void;
  rerender(app: FunctionComponent): void;
  [Symbol.dispose](): void;
}

/** Renders an application as most do: in StrictMode, in an error boundary and in Suspense. */
export function render(app: FunctionComponent): Rendered {
  const container = document.createElement('div');
  document.body.append(container);
  const shown: string[] = [];
  const observer = new MutationObserver(() => {
    const text = container.textContent;
    if (text !== shown.at(-1)) shown.push(text);
  });
  observer.observe(container, { subtree: true, childList: true, characterData: true });
  // Errors that a boundary shows aren't reported as well.
  const root: Root = createRoot(container, { onCaughtError: () => {} });
  const renderApp = (next: FunctionComponent) =>
    root.render(
      createElement(
        StrictMode,
        null,
        createElement(Boundary, null, createElement(Suspense, { fallback: 'waiting' }, createElement(next))),
      ),
    );
  renderApp(app);
  return {
    get text() {
      return container.textContent;
    },
    shown,
    async shows(text) {
      const poll = expect.poll(() => container.textContent, { interval: 2 });
      await (typeof text === 'string' ? poll.toBe(text) : poll.toMatch(text));
    },
    click: (selector) => container.querySelector<HTMLElement>(selector)!.click(),
    rerender: renderApp,
    [Symbol.dispose]() {
      root.unmount();
      observer.disconnect();
      container.remove();
    },
  };
}
