// @ts-check
/** Statistics: the few numbers of `getStats()` that tell whether media arrives. */

/**
 * @typedef {{participant_id: string, connection_id: string | null, state: string, bytes: number,
 *   videoBytes: number, audioBytes: number, framesDecoded: number, packetsLost: number}} InboundStats
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
    const sums = { bytes: 0, videoBytes: 0, audioBytes: 0, framesDecoded: 0, packetsLost: 0 };
    for (const report of (await connection.peer.pc.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      sums.bytes += report.bytesReceived ?? 0;
      if (report.kind === "video") sums.videoBytes += report.bytesReceived ?? 0;
      else sums.audioBytes += report.bytesReceived ?? 0;
      sums.framesDecoded += report.framesDecoded ?? 0;
      sums.packetsLost += report.packetsLost ?? 0;
    }
    const { publisher, id, state } = connection;
    all[stream] = { participant_id: publisher ?? "", connection_id: id, state, ...sums };
  }
  return all;
}
