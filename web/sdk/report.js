// @ts-check
/** Report of a call: ids, states, numbers and what has happened, for whoever looks into it; no token, and nothing that was said. */

/** The last so many events. */
const KEPT = 200;

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./stats.js").InboundStats} InboundStats
 * @typedef {{at: string, event: string} & Record<string, unknown>} Happened
 */

/** @type {WeakMap<Session, Happened[]>} */
const kept = new WeakMap();

/** @type {Record<string, (detail: any) => Record<string, unknown>>} of each event what is told of it */
const TOLD = {
  state: ({ state, reason, previous }) => ({ state, reason, previous }),
  transport: ({ transport, previous }) => ({ transport, previous }),
  quality: ({ participant_id, connection_id, quality }) => ({ participant_id, connection_id, quality }),
  error: ({ error, during }) => ({ during, code: error.code ?? error.name, status: error.status, request_id: error.requestId }),
};

/**
 * The first of a session begins to keep what happens in it, for those that follow.
 * @param {Session} session
 */
export async function reportOf(session) {
  const happened = kept.get(session) ?? watch(session);
  const { userAgent = "", onLine = null } = globalThis.navigator ?? {};
  const seen = inspected(session, await session.stats());
  return { at: new Date().toISOString(), agent: userAgent, online: onLine, ...seen, happened: [...happened] };
}

/** @param {Session} session */
function watch(session) {
  /** @type {Happened[]} */
  const happened = [];
  kept.set(session, happened);
  for (const [event, told] of Object.entries(TOLD)) {
    session.on(event, (detail) => {
      happened.push({ at: new Date().toISOString(), event, ...told(detail) });
      if (happened.length > KEPT) happened.shift();
    });
  }
  return happened;
}

/**
 * Ids, epoch, transport, and each person's streams with their numbers.
 * @param {Session} session
 * @param {Record<string, InboundStats>} stats by stream
 */
export function inspected(session, stats) {
  const { id, me, state, reason, transport, info, participants } = session;
  return {
    session: { id, epoch: info.epoch, version: info.version, state, reason, transport, me },
    participants: participants.map((one) => ({
      id: one.id,
      state: one.state,
      media: one.media,
      sends: one.self ? one.sends : undefined,
      streams: one.streams.map(({ connection_id, source, media }) => ({ connection_id, source, media, ...numbers(stats[connection_id]) })),
    })),
  };
}

/** @param {InboundStats | undefined} stats */
function numbers(stats) {
  if (!stats) return {};
  const { connection_id, roundTrip, jitter, packetsReceived, packetsLost, bytes, framesDecoded, freezes, width, height, fps, codecs, path } = stats;
  return {
    received_by: connection_id,
    path,
    rtt_ms: roundTrip === null ? null : Math.round(roundTrip * 1000),
    jitter_ms: Math.round(jitter * 1000),
    lost: `${packetsLost} of ${packetsLost + packetsReceived}`,
    bytes,
    frames: framesDecoded,
    freezes,
    picture: width ? `${width}x${height}` : null,
    fps,
    codecs,
  };
}
