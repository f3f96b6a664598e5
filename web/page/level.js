// @ts-check
/** Sound level of a track, from 0 to 1, ten times a second; and what is to be said of it. */

const INTERVAL = 100;
/** Above this it is a voice, and below the other nothing at all. */
const VOICE = 0.04;
const NOTHING = 0.004;
/** Looks: so long nothing is a microphone that does not work, and so much voice is somebody who is talking. */
const SILENT_LOOKS = 50;
const TALKING_LOOKS = 5;

/**
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} heard
 * @returns {() => void} ends it
 */
export function meter(track, heard) {
  if (!globalThis.AudioContext) return () => {};
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  void context.resume().catch(() => {});
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    heard(loudness(samples));
  }, INTERVAL);
  return () => {
    clearInterval(timer);
    void context.close().catch(() => {});
  };
}

/** @param {ArrayLike<number>} samples from -1 to 1 */
export function loudness(samples) {
  let sum = 0;
  for (let at = 0; at < samples.length; at++) sum += samples[at] * samples[at];
  return Math.sqrt(sum / Math.max(1, samples.length));
}

/** Follows the levels of one microphone. */
export class Voice {
  #quiet = 0;
  #loud = 0;

  /** @param {number} level */
  heard(level) {
    this.#quiet = level < NOTHING ? this.#quiet + 1 : 0;
    this.#loud = level > VOICE ? this.#loud + 1 : Math.max(0, this.#loud - 0.5);
  }

  /** Nothing came of it for five seconds. */
  get silent() {
    return this.#quiet >= SILENT_LOOKS;
  }

  /** Somebody is talking: half a second of voice, pauses taken off. */
  get talking() {
    return this.#loud >= TALKING_LOOKS;
  }
}

/**
 * Tell when somebody talks whose microphone is muted: a copy of the track is listened to, and sent nowhere.
 * @param {MediaStreamTrack} track
 * @param {() => void} talks
 * @returns {() => void} ends it
 */
export function whileMuted(track, talks) {
  const copy = track.clone();
  copy.enabled = true;
  const voice = new Voice();
  let told = false;
  const end = meter(copy, (level) => {
    voice.heard(level);
    if (voice.talking && !told) talks();
    told ||= voice.talking;
  });
  return () => {
    end();
    copy.stop();
  };
}
