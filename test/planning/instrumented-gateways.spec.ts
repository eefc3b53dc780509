import { describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type Type } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SkipThrottle, Throttle } from '../../src/index.js';
import { deniedHandlers } from '../support/denied-handlers.js';
import { type SocketOptions, startSockets, type TestSocket, transports } from '../support/gateway-app.js';
import { nestMajor } from '../support/nest-version.js';
import { anonymous, recognizable, WrappedHandlers, wrapMethods } from '../support/wrapped-handlers.js';

/** Handlers that are to be told apart by their limits; `one` and `two` have none of their own. */
function chatGateway(scope: Scope): Type {
  @Injectable({ scope })
  @WebSocketGateway()
  class ChatGateway {
    @Throttle('2/min')
    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): unknown {
      return { event: 'said', data };
    }

    @SkipThrottle()
    @SubscribeMessage('typing')
    typing(): unknown {
      return { event: 'typing' };
    }

    @SubscribeMessage('one')
    one(): unknown {
      return { event: 'one' };
    }

    @SubscribeMessage('two')
    two(): unknown {
      return { event: 'two' };
    }

    @Throttle('each')
    @SubscribeMessage('first')
    first(): unknown {
      return { event: 'first' };
    }

    @Throttle('each')
    @SubscribeMessage('second')
    second(): unknown {
      return { event: 'second' };
    }
  }
  return ChatGateway;
}

const policies = { each: { rate: '2/min', scope: 'handler' } } as const;
const scopes = [
  ['singletons', Scope.DEFAULT],
  ['request-scoped', Scope.REQUEST],
] as const;

/** The events that came back for those sent, each waited for. */
async function repliesTo(socket: TestSocket, events: readonly string[]): Promise<string[]> {
  const from = socket.received.length;
  for (const event of events) {
    socket.send(event, null);
    await socket.settled();
  }
  return socket.received.slice(from).map(({ event }) => event);
}

describe.each(transports)('wrapped handlers of a gateway on %s', (transport) => {
  const start = (scope: Scope, more: Partial<SocketOptions> = {}) =>
    startSockets({
      transport,
      gateways: [chatGateway(scope)],
      ...more,
      options: { policies, ...more.options, sockets: { noticeEveryMs: 0 } },
    });

  // Nest 11 has no request-scoped gateways.
  describe.each(nestMajor === 11 ? scopes.slice(0, 1) : scopes)('that are %s', (_scope, scope) => {
    describe.each(recognizable)('%s', (_how, wrapper) => {
      it('keep the limits of their methods, and labels in events', async () => {
        using wrapped = new WrappedHandlers(wrapper);
        await using sockets = await start(scope, { options: { default: '3/min' } });
        const denied = deniedHandlers(sockets);
        const socket = await sockets.connect();
        expect(await repliesTo(socket, ['say', 'say', 'say'])).toEqual(['said', 'said', 'rate_limit']);
        expect(await repliesTo(socket, Array(5).fill('typing'))).toEqual(Array(5).fill('typing'));
        expect(await repliesTo(socket, ['one', 'two', 'one', 'two'])).toEqual(['one', 'two', 'one', 'rate_limit']);
        expect(denied).toEqual(['ChatGateway.say', 'ChatGateway.two']);
        expect(wrapped.names).toEqual(expect.arrayContaining(['say', 'typing', 'one', 'two']));
      });

      it('have a budget each under a policy of the module with the scope "handler"', async () => {
        using _ = new WrappedHandlers(wrapper);
        await using sockets = await start(scope);
        const denied = deniedHandlers(sockets);
        const socket = await sockets.connect();
        expect(await repliesTo(socket, ['first', 'first', 'first'])).toEqual(['first', 'first', 'rate_limit']);
        expect(await repliesTo(socket, ['second', 'second', 'second'])).toEqual(['second', 'second', 'rate_limit']);
        expect(denied).toEqual(['ChatGateway.first', 'ChatGateway.second']);
      });
    });

    it('with neither name nor metadata have the limits of their class, and one warning', async () => {
      using _ = new WrappedHandlers(anonymous);
      const warnings: string[] = [];
      await using sockets = await start(scope, { options: { default: '3/min' }, warnings });
      const socket = await sockets.connect();
      expect(await repliesTo(socket, ['say', 'one', 'say', 'typing'])).toEqual(['said', 'one', 'said', 'rate_limit']);
      expect(warnings.filter((warning) => warning.includes('ChatGateway'))).toHaveLength(1);
    });

    it('of an instanceDecorator keep their limits', async () => {
      await using sockets = await start(scope, { instrument: { instanceDecorator: wrapMethods } });
      const denied = deniedHandlers(sockets);
      const socket = await sockets.connect();
      expect(await repliesTo(socket, ['say', 'say', 'say'])).toEqual(['said', 'said', 'rate_limit']);
      expect(await repliesTo(socket, ['first', 'first', 'first'])).toEqual(['first', 'first', 'rate_limit']);
      expect(await repliesTo(socket, ['second', 'second', 'second'])).toEqual(['second', 'second', 'rate_limit']);
      expect(denied).toEqual(['ChatGateway.say', 'ChatGateway.first', 'ChatGateway.second']);
    });
  });
});
