// @ts-check
/** Local media: where the own picture and sound come from. */

import { synthetic } from "../sdk/index.js";
import { watchingWords } from "./texts.js";

/**
 * @typedef {{stream: MediaStream, kind: "camera" | "synthetic", stop: () => void, resume: () => Promise<void>,
 *   missing: string | null}} Source
 */

/** Enough for a tile, little enough for a laptop in a call of ten. */
const PICTURE = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * @param {"camera" | "synthetic"} kind
 * @param {string} name shown on a synthetic picture
 * @returns {Promise<Source>}
 */
export async function openSource(kind, name) {
  if (kind === "synthetic") {
    return { ...synthetic({ label: name, hue: hueOf(name) }), kind, missing: null };
  }
  const { stream, missing } = await devices();
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  return { stream, kind, stop, resume: async () => {}, missing };
}

/**
 * Camera and microphone, or the one of them that there is, or none of them and why.
 * @returns {Promise<{stream: MediaStream, missing: string | null}>}
 */
async function devices() {
  const ask = (/** @type {MediaStreamConstraints} */ what) => navigator.mediaDevices.getUserMedia(what);
  try {
    return { stream: await ask({ video: PICTURE, audio: SOUND }), missing: null };
  } catch (error) {
    // Whatever is wrong with one of them, the other may do; and who has neither may still watch and listen.
    const [video, audio] = await Promise.allSettled([ask({ video: PICTURE }), ask({ audio: SOUND })]);
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
