// @ts-check
/** Statistics: the few numbers of `getStats()` that tell whether media arrives, and how well. */

/**
 * @typedef {{participant_id: string, connection_id: string | null, state: string, bytes: number,
 *   videoBytes: number, audioBytes: number, framesDecoded: number, packetsReceived: number, packetsLost: number,
 *   freezes: number, jitter: number, audioLevel: number, width: number, height: number, fps: number, codecs: string,
 *   roundTrip: number | null, path: string}} InboundStats sums since the beginning; of `jitter`, `roundTrip` (seconds),
 *   `audioLevel` (0 to 1), `width`, `height` and `fps` what they are now; `path` is the way here, such as "host udp", and
 *   `codecs` are such as "opus VP8"
 */

/**
 * By the publisher's connection: what was received of it so far.
 * @param {import("./connections.js").Connections} connections
 * @returns {Promise<Record<string, InboundStats>>}
 */
export async function readStats(connections) {
  /** @type {Record<string, InboundStats>} */
  const all = {};
  for (const [stream, connection] of connections.subscriptions) {
    if (!connection.peer || connection.state === "closed") continue;
    const { publisher, id, state } = connection;
    const reports = [...(await connection.peer.pc.getStats()).values()];
    all[stream] = { participant_id: publisher ?? "", connection_id: id, state, ...sums(reports) };
  }
  return all;
}

/** @param {any[]} reports of one peer connection */
export function sums(reports) {
  const inbound = reports.filter(({ type }) => type === "inbound-rtp");
  const add = (/** @type {string} */ field, /** @type {string} */ kind = "") =>
    inbound.reduce((sum, one) => sum + (!kind || one.kind === kind ? (one[field] ?? 0) : 0), 0);
  const most = (/** @type {string} */ field) => Math.max(0, ...inbound.map((one) => one[field] ?? 0));
  const pair = reports.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  const bytes = add("bytesReceived");
  const videoBytes = add("bytesReceived", "video");
  return {
    bytes,
    videoBytes,
    audioBytes: bytes - videoBytes,
    framesDecoded: add("framesDecoded"),
    packetsReceived: add("packetsReceived"),
    packetsLost: add("packetsLost"),
    freezes: add("freezeCount"),
    jitter: most("jitter"),
    audioLevel: most("audioLevel"),
    width: most("frameWidth"),
    height: most("frameHeight"),
    fps: most("framesPerSecond"),
    codecs: inbound.map(({ codecId }) => codecOf(reports.find(({ id }) => id === codecId))).filter(Boolean).join(" "),
    roundTrip: pair?.currentRoundTripTime ?? null,
    path: pathOf(reports.find(({ id }) => id === pair?.localCandidateId)),
  };
}

/** @param {any} codec none before its first packet */
function codecOf(codec) {
  return codec?.mimeType?.split("/")[1] ?? "";
}

/** @param {any} candidate the own one of the pair that carries the media; a relay says by what it is reached */
function pathOf(candidate) {
  if (!candidate) return "";
  return `${candidate.candidateType} ${candidate.relayProtocol ?? candidate.protocol}`;
}
