// @ts-check
/** Local media of a session: another device in the place of the one that is sent, and a shared screen. */

import { openDevice } from "./devices.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./publication.js").Publication} Publication
 * @typedef {{audio?: boolean, maxKbps?: number, video?: MediaTrackConstraints}} ScreenOptions `audio`: with the sound of
 *   what is shared, unless said otherwise
 */

const CAMERA = "camera";

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
 * Rejects with the browser's own error where nothing is chosen, or nothing may be.
 * @param {Session} session
 * @param {Promise<MediaStream>} asked of the browser
 * @param {number} maxKbps
 * @returns {Promise<Publication>}
 */
export async function sendScreen(session, asked, maxKbps) {
  const stream = await asked;
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const publication = await session.publish(stream, { source: "screen", maxKbps });
    void publication.ended.then(stop);
    return publication;
  } catch (error) {
    stop();
    throw error;
  }
}
