const GROWTH_MB = 20;
const LATE_MS = 50;
const OBEYED_MS = 1000;
/** A client has a second to complete the closing handshake. */
const CUT_OFF_MS = 2000;
const NOTICE_EVERY_MS = 1000;

/** Returns the goals of a transport, each with the measured figure. */
export function goals(transport, found) {
  const { 'no limiter': none, 'naive guard': naive, Sluice: ours, closeAfter, '..., rude': rude } = found;
  const { '1/turn: none': turnNone, '1/turn: Sluice': turnOurs } = found;
  const goal = (what, is, isMet) => ({ text: `${transport}: ${what}: ${is}.`, isMet });
  const mb = (value) => `${value.toFixed(1)} MB`;
  const ms = (value) => `${value.toFixed(1)} ms`;
  const kept = (what, { rssGrowth }) =>
    goal(
      `with ${what} the process keeps at most ${GROWTH_MB} MB of a flood`,
      `${mb(rssGrowth)}, ${mb(naive.rssGrowth)} with the naive guard`,
      rssGrowth <= GROWTH_MB,
    );
  const late = (what, { delayP99 }, beside) =>
    goal(
      `with ${what} the event loop is at most ${LATE_MS} ms late, at p99`,
      `${ms(delayP99)}, ${ms(beside.delayP99)} without a limiter`,
      delayP99 <= LATE_MS,
    );
  const over = (who, { endedMs }, withinMs) =>
    goal(
      `closeAfter ends the connection of ${who} within ${withinMs} ms`,
      endedMs === undefined ? 'not within 5 s' : ms(endedMs),
      endedMs <= withinMs,
    );
  // The ping at the end of a flood also counts as a frame.
  const pings = transport === 'ws' ? 1 : 0;
  const counted = [ours, turnOurs, found.frames, found['in memory']].filter((one) => one !== undefined);
  const mostNotices = ({ tookMs }) => Math.floor(tookMs / NOTICE_EVERY_MS) + 1;
  const grown = (what, { rssPeak }, beside) =>
    goal(
      `with ${what} it grows by at most ${GROWTH_MB} MB at the peak`,
      `${mb(rssPeak)}, ${mb(beside.rssPeak)} without a limiter`,
      rssPeak <= GROWTH_MB,
    );
  return [
    kept('Sluice', ours),
    kept('Sluice in memory', found['in memory']),
    grown('Sluice', ours, none),
    grown('Sluice in memory', found['in memory'], none),
    late('Sluice', ours, none),
    late('Sluice in memory', found['in memory'], none),
    ...(turnOurs === undefined
      ? []
      : [
          grown('Sluice and one message a turn', turnOurs, turnNone),
          kept('Sluice and one message a turn', turnOurs),
          late('Sluice and one message a turn', turnOurs, turnNone),
        ]),
    goal(
      'every message was handled or denied',
      counted.map(({ received, handled, denied }) => `${handled + denied} of ${received}`).join(', '),
      counted.every((one) => one.handled + one.denied === one.received + (one === found.frames ? pings : 0)),
    ),
    goal(
      'at most one notice per second',
      counted.map((one) => `${one.notices} (at most ${mostNotices(one)})`).join(', '),
      counted.every((one) => one.notices <= mostNotices(one)),
    ),
    ...(transport === 'ws'
      ? []
      : [
          goal(
            'every acknowledgement was answered',
            counted.map(({ acks, sent }) => `${acks} of ${sent}`).join(', '),
            counted.every(({ acks, sent }) => acks === sent),
          ),
        ]),
    ...(closeAfter === undefined
      ? []
      : [over('a client that obeys', closeAfter, OBEYED_MS), over('a client that goes on', rude, CUT_OFF_MS)]),
  ];
}
