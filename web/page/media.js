// @ts-check
/** Local media: where the own picture and sound come from. */

import { synthetic } from "../sdk/synthetic.js";
import { watchingWords } from "./texts.js";

/**
 * @typedef {{stream: MediaStream, kind: "camera" | "synthetic" | "none", stop: () => void, resume: () => Promise<void>,
 *   missing: string | null}} Source
 */

/** Enough for a tile, little enough for a laptop in a call of ten. */
const PICTURE = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * @param {"camera" | "synthetic" | "none"} kind
 * @param {string} name shown on a synthetic picture
 * @param {import("./devices.js").Chosen} [chosen]
 * @returns {Promise<Source>}
 */
export async function openSource(kind, name, chosen = {}) {
  if (kind === "synthetic") {
    return { ...synthetic({ label: name, hue: hueOf(name) }), kind, missing: null };
  }
  if (kind === "none") return { stream: new MediaStream(), kind, stop: () => {}, resume: async () => {}, missing: null };
  const { stream, missing } = await devices(chosen);
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  return { stream, kind, stop, resume: async () => {}, missing };
}

/**
 * @param {string | undefined} id of a device that is not there any more: the browser takes another one
 * @returns {MediaTrackConstraints}
 */
const preferring = (id) => (id ? { deviceId: { ideal: id } } : {});

/**
 * Camera and microphone, or the one of them that there is, or none of them and why.
 * @param {import("./devices.js").Chosen} chosen
 * @returns {Promise<{stream: MediaStream, missing: string | null}>}
 */
async function devices({ camera, microphone }) {
  const [picture, sound] = [{ ...PICTURE, ...preferring(camera) }, { ...SOUND, ...preferring(microphone) }];
  const ask = (/** @type {MediaStreamConstraints} */ what) => navigator.mediaDevices.getUserMedia(what);
  try {
    return { stream: await ask({ video: picture, audio: sound }), missing: null };
  } catch (error) {
    // Whatever is wrong with one of them, the other may do; and who has neither may still watch and listen.
    const [video, audio] = await Promise.allSettled([ask({ video: picture }), ask({ audio: sound })]);
    if (video.status === "fulfilled" && audio.status === "fulfilled") {
      return { stream: new MediaStream([...video.value.getTracks(), ...audio.value.getTracks()]), missing: null };
    }
    if (video.status === "fulfilled") return { stream: video.value, missing: "No microphone could be used: the others will not hear you." };
    if (audio.status === "fulfilled") return { stream: audio.value, missing: "No camera could be used: the others will not see you." };
    return { stream: new MediaStream(), missing: watchingWords(error) };
  }
}

/**
 * Different people, different colours.
 * @param {string} name
 */
export function hueOf(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return (sum * 137) % 360;
}

/**
 * Let go of what a seat may not send: by its grants, or else by its role.
 * @param {MediaStream} stream
 * @param {{role: string, grants?: {publish?: string[]} | null} | undefined} seat none: one that is in no list, and sends nothing
 * @returns {string[]} the kinds that it wanted to send
 */
export function withhold(stream, seat) {
  const preset = !seat || seat.role === "subscriber" ? [] : ["camera", "microphone"];
  const may = seat?.grants?.publish ?? preset;
  const withheld = stream.getTracks().filter(({ kind }) => !may.includes(kind === "video" ? "camera" : "microphone"));
  for (const track of withheld) {
    track.stop();
    stream.removeTrack(track);
  }
  return withheld.map(({ kind }) => kind);
}
