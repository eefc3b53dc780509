import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { Sample } from './sample.js';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-quic',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
/** A ceiling for what the page shows at once. */
const ANSWER_MS = 30_000;
/** The same for what it shows after a wait of up to 10 seconds. */
const WAIT_MS = ANSWER_MS + 10_000;

const artifact = (name: string) => fileURLToPath(new URL(`../artifacts/${name}`, import.meta.url));

/** The page of the sample application, and what a person does there. */
class ChatPage {
  /** Messages that the page logged, and its exceptions. */
  readonly logged: string[] = [];
  /** The hosts that were asked for anything, and how. */
  readonly asked = new Set<string>();

  private constructor(private readonly page: Page) {
    page.on('console', (message) => this.logged.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.logged.push(String(error)));
    page.on('websocket', (socket) => this.#ask(socket.url()));
    page.context().on('request', (request) => this.#ask(request.url()));
  }

  static async open(browser: Browser, url: string): Promise<ChatPage> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(ANSWER_MS);
    const chat = new ChatPage(page);
    await page.goto(url);
    return chat;
  }

  #ask(url: string): void {
    const { protocol, host } = new URL(url);
    if (protocol !== 'data:') this.asked.add(`${protocol}//${host}`);
  }

  async press(name: string): Promise<void> {
    await this.page.getByRole('button', { name }).press('Enter');
  }

  async sendAtRate(perSecond: number): Promise<void> {
    await this.page.getByLabel('Messages a second').fill(String(perSecond));
  }

  async text(id: string): Promise<string> {
    return (await this.page.locator(`#${id}`).textContent()) ?? '';
  }

  async number(id: string): Promise<number> {
    return Number(await this.text(id));
  }

  /** Waits until an element says just this. */
  async says(id: string, text: RegExp, timeout = ANSWER_MS): Promise<void> {
    await this.page.locator(`#${id}`).filter({ hasText: text }).waitFor({ timeout });
  }

  async reload(): Promise<void> {
    await this.page.reload();
  }

  /** Keeps how it looks, and tells how wide what is in it is. */
  async shoot(name: string, width: number): Promise<number> {
    await this.page.setViewportSize({ width, height: 900 });
    await this.page.screenshot({ path: artifact(`${name}-${width}.png`), fullPage: true });
    return this.page.evaluate<number>('document.documentElement.scrollWidth');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

describe.each(['ws', 'io'] as const)('the page of the sample application, over %s', (transport) => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS });
  });

  afterAll(() => browser.close());

  it('shows denied messages with the wait, and allowed ones when the wait is over', async () => {
    await using sample = await Sample.start(transport);
    await using page = await ChatPage.open(browser, sample.url);
    await page.says('link', /^Connected$/);
    expect(await page.text('transport')).toBe({ ws: 'plain WebSockets', io: 'socket.io' }[transport]);
    expect(await page.text('status')).toBe('Nothing was sent yet.');

    await page.sendAtRate(5);
    await page.press('Start');
    await page.says('status', /^Limited: told to wait (8|9|10) s\.$/);
    await page.says('wait', /^\d+ s$/);
    await page.says('limited', /^\d{2,}$/);
    expect(await page.text('passed')).toBe('5');
    expect(JSON.parse(await page.text('latest'))).toEqual({
      type: 'rate_limit',
      error: 'Too many messages',
      retry_after: expect.any(Number),
      policy: 'default',
      limit: 5,
      remaining: 0,
      reason: 'rate',
    });

    await page.press('Stop');
    await page.says('wait', /^[1-5] s$/, WAIT_MS);
    expect(await page.text('passed')).toBe('5');
    await page.says('status', /^The wait is over: the next message is let through\.$/, WAIT_MS);
    expect(await page.text('wait')).toBe('none');
    expect(await page.number('limited')).toBe((await page.number('sent')) - 5);

    await page.press('Send one');
    await page.says('passed', /^6$/);
    expect(await page.text('status')).toBe('Messages are let through.');
    await page.press('Start');
    await page.says('status', /^Limited/);
    expect(await page.shoot(`page-${transport}`, 1280)).toBe(1280);
    expect(await page.shoot(`page-${transport}`, 400)).toBe(400);

    expect(page.logged).toEqual([]);
    expect([...page.asked].sort()).toEqual([`http://127.0.0.1:${sample.port}`, `ws://127.0.0.1:${sample.port}`]);
  });

  it('reconnects when the server is back', async () => {
    const first = await Sample.start(transport);
    await using page = await ChatPage.open(browser, first.url);
    await page.says('link', /^Connected$/);
    await first[Symbol.asyncDispose]();
    await page.says('link', /^The connection ended\. Again in 1 s$/);
    await using _second = await Sample.start(transport, first.port);
    await page.says('link', /^Connected$/, WAIT_MS);
    await page.press('Send one');
    await page.says('passed', /^1$/);
  });

  it('shows that the 31st connection of a minute is refused', async () => {
    await using sample = await Sample.start(transport);
    await using page = await ChatPage.open(browser, sample.url);
    for (let connections = 1; connections <= 30; connections++) {
      await page.says('link', /^Connected$/);
      await page.reload();
    }
    await page.says(
      'link',
      {
        ws: /^Not let in: too many connections, or nobody is there\. Again in \d s$/,
        io: /^Too many connections\. Again in \d\d s$/,
      }[transport],
    );
  });
});
