// @ts-check
/** Client report: what this client knows of its media, sent to the server that has asked, and to nobody else. */

import { reportOf } from "./report.js";

/** Characters of JSON; the API takes a little more, in bytes. */
const MOST = 16_000;
const CANDIDATES = 8;
const HAPPENED = 40;

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./connections.js").Connections} Connections
 * @typedef {import("./connection.js").Connection} Connection
 */

/**
 * Rejects where its seat is gone, or the question is too old.
 * @param {Session} session
 * @param {any} question
 * @param {Connections} connections
 */
export async function answer(session, question, connections) {
  const body = { id: String(question?.id), report: await reported(session, connections) };
  await session.seated.call("POST", `${session.seated.at()}/report/answer`, { body });
}

/**
 * @param {Session} session
 * @param {Connections} connections
 */
async function reported(session, connections) {
  const { at, agent, online, session: about, happened } = await reportOf(session);
  const all = [...connections.publications.connections, ...connections.subscriptions.values()];
  const told = await Promise.all(all.map(toldOf));
  const report = { at, agent, online, session: about, connections: told, left_out: 0, happened: happened.slice(-HAPPENED) };
  // What it receives comes last, and of a hundred pictures the first ones tell as much.
  while (report.connections.length > 1 && JSON.stringify(report).length > MOST) {
    report.connections.pop();
    report.left_out += 1;
  }
  if (JSON.stringify(report).length > MOST) report.happened = [];
  return report;
}

/** @param {Connection} connection */
async function toldOf(connection) {
  const { id, publisher, state, peer } = connection;
  const pc = peer && connection.state !== "closed" ? peer.pc : null;
  const reports = pc ? [...(await pc.getStats()).values()] : [];
  return { id, kind: publisher ? "subscribe" : "publish", publisher, state, ice: pc?.iceConnectionState ?? null, ...numbers(reports) };
}

/**
 * The candidates of both sides, the pair that was chosen, and sums since the beginning of what goes by it.
 * @param {any[]} reports of one peer connection
 */
export function numbers(reports) {
  const of = (/** @type {string} */ type) => reports.filter((one) => one.type === type);
  const sum = (/** @type {string} */ type, /** @type {string} */ field) => of(type).reduce((all, one) => all + (one[field] ?? 0), 0);
  const pair = of("candidate-pair").find((one) => one.nominated && one.state === "succeeded");
  const named = (/** @type {string | undefined} */ id) => candidate(reports.find((one) => one.id === id));
  const ms = (/** @type {number | undefined} */ seconds) => (seconds === undefined ? null : Math.round(seconds * 1000));
  return {
    local: [...new Set(of("local-candidate").map(candidate))].slice(0, CANDIDATES),
    remote: [...new Set(of("remote-candidate").map(candidate))].slice(0, CANDIDATES),
    chosen: pair ? { local: named(pair.localCandidateId), remote: named(pair.remoteCandidateId) } : null,
    rtt_ms: ms(pair?.currentRoundTripTime),
    bytes_sent: sum("outbound-rtp", "bytesSent"),
    bytes_received: sum("inbound-rtp", "bytesReceived"),
    packets_received: sum("inbound-rtp", "packetsReceived"),
    packets_lost: sum("inbound-rtp", "packetsLost"),
    lost_on_the_way: sum("remote-inbound-rtp", "packetsLost"),
    packets_sent: sum("outbound-rtp", "packetsSent"),
    limited_by: of("outbound-rtp").map((one) => one.qualityLimitationReason).find((why) => why && why !== "none") ?? null,
  };
}

/** @param {any} one of either side; the name and password of a relay's user are not among its fields */
function candidate(one) {
  if (!one) return "";
  const { candidateType, relayProtocol, protocol, address, ip, port } = one;
  const host = address ?? ip ?? "(hidden by the browser)";
  return `${candidateType} ${relayProtocol ?? protocol} ${host.includes(":") ? `[${host}]` : host}:${port ?? "?"}`;
}
