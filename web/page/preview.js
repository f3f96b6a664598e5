// @ts-check
/** Preview in the lobby: the own picture and how loud the microphone is, before anybody else sees or hears it. */

import { part } from "./dom.js";
import { Voice, meter } from "./level.js";
import { openSource } from "./media.js";
import { silentWords } from "./texts.js";

/** @typedef {import("./media.js").Source} Source */

export class Preview {
  #chosen;
  #shown;
  /** @type {Source | null} what is open */
  #source = null;
  #endMeter = () => {};
  #turn = 0;

  /** @param {{chosen: () => import("./devices.js").Chosen, shown: () => void}} options `shown`: devices were allowed, and have names now */
  constructor({ chosen, shown }) {
    this.#chosen = chosen;
    this.#shown = shown;
    part("preview-open").addEventListener("click", () => void this.open());
    part("preview-close").addEventListener("click", () => this.close());
    for (const kind of ["camera", "microphone"]) {
      part(`${kind}-choice`).addEventListener("change", () => this.#source && void this.open());
    }
    for (const one of document.querySelectorAll("input[name=source]")) {
      one.addEventListener("change", () => this.close());
    }
  }

  /** Open it where the browser has been allowed the devices before: nobody is asked. */
  async openIfAllowed() {
    this.close();
    const turn = this.#turn;
    const allowed = await Promise.all(["camera", "microphone"].map(isAllowed));
    if (allowed.every(Boolean) && isOffered() && turn === this.#turn) await this.open();
  }

  /** Open the chosen devices, those that are open first. */
  async open() {
    const turn = ++this.#turn;
    this.#end();
    const source = await openSource("camera", "", this.#chosen());
    if (turn !== this.#turn) return source.stop(); // Closed, or opened anew with others, in the meantime.
    this.#source = source;
    const video = /** @type {HTMLVideoElement} */ (part("preview-video"));
    video.srcObject = source.stream;
    part("preview").hidden = false;
    part("preview-open").hidden = true;
    part("preview-words").textContent = source.missing ?? "Only you see and hear this.";
    this.#listen(source.stream.getAudioTracks()[0]);
    this.#shown();
  }

  close() {
    this.#turn++;
    this.#end();
    part("preview").hidden = true;
    part("preview-open").hidden = !isOffered();
  }

  /** What is open, for the call to send: the browser is not asked twice. */
  take() {
    const source = this.#source;
    this.#source = null;
    this.close();
    return source;
  }

  /** @param {MediaStreamTrack | undefined} track */
  #listen(track) {
    const bar = /** @type {HTMLMeterElement} */ (part("preview-level"));
    bar.hidden = !track;
    if (!track) return;
    const voice = new Voice();
    const words = part("preview-words");
    const before = words.textContent;
    this.#endMeter = meter(track, (level) => {
      bar.value = Math.min(1, level * 6);
      voice.heard(level);
      const now = voice.silent ? silentWords() : before;
      if (words.textContent !== now) words.textContent = now;
    });
  }

  #end() {
    this.#endMeter();
    this.#endMeter = () => {};
    this.#source?.stop();
    this.#source = null;
    /** @type {HTMLVideoElement} */ (part("preview-video")).srcObject = null;
  }
}

/** Whether a camera is what was chosen. */
function isOffered() {
  return /** @type {HTMLInputElement} */ (document.querySelector("input[name=source][value=camera]")).checked;
}

/** @param {string} name */
async function isAllowed(name) {
  try {
    const { state } = await navigator.permissions.query({ name: /** @type {any} */ (name) });
    return state === "granted";
  } catch {
    return false; // A browser that knows no such name.
  }
}
