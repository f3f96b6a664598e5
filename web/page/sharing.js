// @ts-check
/** Screen sharing: asks the browser for a screen, sends it beside the camera, ends with whatever ends it. */

import { errorWords, screenStoppedWords, sharingWords } from "./texts.js";

const PICTURE = { frameRate: { ideal: 15, max: 30 } };
const MOST_KBPS = 2500;

export class Sharing {
  #session;
  #tell;
  /** @type {import("../sdk/index.js").Publication | null} */
  #publication = null;
  #asking = false;

  /**
   * @param {import("../sdk/index.js").Session} session
   * @param {{shown: (yes: boolean) => void, notice: (words: string) => void}} tell
   */
  constructor(session, tell) {
    this.#session = session;
    this.#tell = tell;
  }

  static get possible() {
    return !!globalThis.navigator?.mediaDevices?.getDisplayMedia;
  }

  /** Share, or stop it. */
  async toggle() {
    if (this.#publication) return this.#publication.stop();
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#begin();
    } finally {
      this.#asking = false;
    }
  }

  async #begin() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: PICTURE, audio: true });
    } catch (error) {
      return this.#tell.notice(sharingWords(error));
    }
    const stop = () => stream.getTracks().forEach((track) => track.stop());
    try {
      this.#publication = await this.#session.publish(stream, { source: "screen", maxKbps: MOST_KBPS });
    } catch (error) {
      stop();
      return this.#tell.notice(errorWords(error));
    }
    this.#tell.shown(true);
    void this.#publication.ended.then((reason) => {
      stop();
      if (reason === "removed") this.#tell.notice(screenStoppedWords());
      this.#publication = null;
      this.#tell.shown(false);
    });
  }
}
