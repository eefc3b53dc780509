import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { SkipThrottle } from 'nestjs-sluice';
import { SAY_RATE } from './chat.gateway.js';
import { TRANSPORT, type Transport } from './transport.js';

const PAGE = readFileSync(new URL('../public/index.html', import.meta.url), 'utf8');

/** The page that demonstrates the limit of the chat. Reloading it is not limited. */
@SkipThrottle()
@Controller()
export class PageController {
  constructor(@Inject(TRANSPORT) private readonly transport: Transport) {}

  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'no-store')
  @Get()
  page(@Res({ passthrough: true }) response: ServerResponse): string {
    const nonce = randomBytes(16).toString('base64');
    response.setHeader('content-security-policy', policyFor(nonce));
    return fill(PAGE, { nonce, transport: this.transport, rate: SAY_RATE });
  }
}

/**
 * Returns a Content-Security-Policy for inline code of the page, and for socket.io's script and the chat on this
 * server.
 */
function policyFor(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Replaces `{{name}}` with values, escaped for text and attributes. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => escapeHtml(values[name] ?? ''));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
