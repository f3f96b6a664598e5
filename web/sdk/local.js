// @ts-check
/** Local media of a session: another device in the place of the one that is sent, and a shared screen. */

import { pause } from "./backoff.js";
import { openDevice } from "./devices.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./publication.js").Publication} Publication
 * @typedef {{audio?: boolean, maxKbps?: number, video?: MediaTrackConstraints}} ScreenOptions `audio`: with the sound of
 *   what is shared, unless said otherwise
 */

const CAMERA = "camera";
const SCREEN = "screen";
/** Milliseconds between two looks whether an offer is still under way. */
const LOOK = 50;

/**
 * The track that it takes the place of is stopped, for its device may be wanted elsewhere.
 * @param {Session} session
 * @param {{kind: "camera" | "microphone", id: string, wishes?: MediaTrackConstraints}} device
 * @returns {Promise<Publication>}
 */
export async function setDevice(session, { kind, id, wishes }) {
  const track = await openDevice(kind, id, wishes);
  try {
    return await send(session, track);
  } catch (error) {
    track.stop();
    throw error;
  }
}

/**
 * @param {Session} session
 * @param {MediaStreamTrack} track
 */
async function send(session, track) {
  const publication = session.publications.find(({ source }) => source === CAMERA);
  const tracks = (publication?.stream?.getTracks() ?? []).filter(({ readyState }) => readyState !== "ended");
  const former = tracks.find(({ kind }) => kind === track.kind);
  // A kind that was not sent takes a negotiation: an endpoint cannot be negotiated again.
  if (!publication || !former) return session.publish(new MediaStream([...tracks, track]));
  await publication.replaceTrack(track);
  former.stop();
  return publication;
}

/**
 * @param {Session} session
 * @param {MediaStream} stream
 * @param {number} [maxKbps] of its picture
 * @returns {Promise<Publication>}
 */
export async function sendScreen(session, stream, maxKbps = 2500) {
  try {
    const shared = session.publications.find(({ source }) => source === SCREEN);
    if (shared) return await swap(shared, stream);
    const publication = await session.publish(stream, { source: SCREEN, maxKbps });
    void publication.ended.then(() => stop(publication.stream));
    return publication;
  } catch (error) {
    stop(stream);
    throw error;
  }
}

/**
 * Send another stream in the place of what a publication sends. The same kinds go on by the same endpoint; another kind, such
 * as the sound that one of two windows has, takes a new endpoint in the place of the present one.
 * @param {Publication} publication
 * @param {MediaStream} stream
 */
async function swap(publication, stream) {
  const { connection } = publication;
  // What an offer under way holds is decided: the next one would not be made.
  while (connection.offering) await pause(LOOK);
  const sent = /** @type {MediaStream} */ (publication.stream);
  const former = [...sent.getTracks()];
  const added = without(stream.getTracks(), former);
  const gone = without(former, stream.getTracks());
  for (const track of without(stream.getTracks(), added)) await publication.replaceTrack(track);
  for (const track of added) {
    sent.addTrack(track);
    publication.watch(track);
  }
  for (const track of gone) sent.removeTrack(track);
  for (const track of former) track.stop();
  if (publication.state === "closed") stop(stream);
  else if (added.length || gone.length) connection.restart();
  return publication;
}

/**
 * Those of whose kind there is none among the others.
 * @param {MediaStreamTrack[]} tracks
 * @param {MediaStreamTrack[]} others
 */
function without(tracks, others) {
  return tracks.filter(({ kind }) => !others.some((other) => other.kind === kind));
}

/** @param {MediaStream | null} stream */
function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
