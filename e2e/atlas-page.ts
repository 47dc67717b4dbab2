import type { Locator, Page } from 'playwright-core';

/** How many countries Atlas shows when nothing is missing. */
export const COUNTRIES = 250;

const TIMEOUT_MS = 30_000;

/** What a person would do with a window of Atlas, and see in it. Every wait ends with an error after half a minute. */
export class AtlasPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(TIMEOUT_MS);
  }

  /** Waits until list and map are drawn; returns how many countries each shows. */
  async world(): Promise<{ readonly listed: number; readonly mapped: number }> {
    const rows = this.page.locator('.rows a');
    await rows.first().waitFor();
    await this.page.locator('.map [data-country]').first().waitFor();
    const mapped = await this.page.locator('.map path[data-country][d^="M"], .map circle[data-country]').count();
    return { listed: await rows.count(), mapped };
  }

  /** Waits until the status line says so. */
  async network(state: 'online' | 'offline'): Promise<void> {
    await this.page.locator(`.network[data-state="${state}"]`).waitFor();
  }

  /** Moves the switch, for all windows. */
  async switchNetwork(to: 'on' | 'off'): Promise<void> {
    const button = this.page.getByRole('switch', { name: 'Network' });
    if ((await button.getAttribute('aria-checked')) !== String(to === 'on')) await button.click();
    await this.page.locator(`.switch[aria-checked="${to === 'on'}"]`).waitFor();
  }

  /** Waits until flags and details of every country are on disk. */
  async waitUntilCached(): Promise<void> {
    await this.page.locator(`.disk[data-state="ready"][data-countries="${COUNTRIES}"]`).waitFor();
  }

  /** Opens a country from the list and waits for its facts. */
  async open(code: string): Promise<void> {
    await this.page.locator(`.rows a[data-code="${code}"]`).click();
    await this.page.locator(`.card[data-country="${code}"] .facts`).waitFor();
  }

  async showWorld(): Promise<void> {
    await this.page.locator('.card-close').click();
    await this.page.locator('.card').waitFor({ state: 'detached' });
  }

  /** Facts of the open country by their name, such as `Capital`. */
  async getFacts(): Promise<Record<string, string>> {
    const facts = await this.page
      .locator('.facts > div')
      .evaluateAll((rows) =>
        rows.map((row) => [row.querySelector('dt')?.textContent ?? '', row.querySelector('dd')?.textContent ?? '']),
      );
    return Object.fromEntries(facts) as Record<string, string>;
  }

  /** Where the open country, or the list of all, came from, once it is as `getExpected`. */
  async provenance(wanted: 'hit' | 'stale' | 'revalidated' | 'miss', of: 'card' | 'status' = 'card'): Promise<void> {
    await this.page.locator(`.${of} .provenance[data-provenance="${wanted}"]`).waitFor();
  }

  /** Types a draft key by key and waits until the page says that it is on disk. */
  async write(text: string): Promise<void> {
    const field = this.page.locator('.field-note textarea:not([readonly])');
    await field.fill('');
    await field.pressSequentially(text);
    await this.page.locator('.saved[data-step="saved"]').waitFor();
  }

  /** Types a note and sends it: afterwards it is in the outbox, or has arrived. */
  async send(text: string): Promise<void> {
    await this.write(text);
    await this.page.getByRole('button', { name: 'Send', exact: true }).click();
    await this.page.locator('.saved[data-step="empty"]').waitFor({ state: 'attached' });
  }

  /** The open country's draft, as soon as it was read. */
  async draft(): Promise<string> {
    return this.page.locator('.field-note textarea:not([readonly])').inputValue();
  }

  /** A note about the open country, in whatever state it is: `sent` is at the server. */
  note(text: string, state: 'sent' | 'running' | 'ready' | 'held' | 'delayed' | 'dead'): Locator {
    const shown = this.page.locator('.field-notes li', { hasText: text });
    return shown.filter({ has: this.page.locator(`.post-state[data-state="${state}"]`) });
  }

  /** Opens the outbox; answers its notes. */
  async waitForOutbox(): Promise<Locator> {
    const panel = this.page.locator('.outbox');
    if (!(await panel.isVisible())) await this.page.locator('.outbox-button').click();
    return panel.locator('li');
  }

  /** Scrolls to a country of the list and waits until its flag is drawn; returns the picture's width in pixels. */
  async flagWidth(code: string): Promise<number> {
    const flag = this.page.locator(`.rows a[data-code="${code}"] img`);
    await flag.scrollIntoViewIfNeeded();
    return flag.evaluate(async (image: HTMLImageElement) => {
      if (!image.complete) {
        await new Promise((loaded, failed) => {
          image.addEventListener('load', loaded, { once: true });
          image.addEventListener('error', () => failed(new Error(`${image.src} is no picture`)), { once: true });
        });
      }
      return image.naturalWidth;
    });
  }
}
