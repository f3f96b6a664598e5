// @ts-check
/** Screen sharing: asks the browser for a screen, sends it beside the camera, or in the place of another; ends with whatever ends it. */

import { CallplaneError } from "../sdk/index.js";
import { errorWords, screenStoppedWords, screenUngrantedWords, sharingWords } from "./texts.js";

/** Nothing else was chosen, or could be shared. */
const GOES_ON = "What you have shared is shared further: nothing else was chosen, or it could not be shared.";

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

  /** Ask for something else, and share it in the place of what is shared; who chooses nothing goes on as before. */
  async change() {
    if (!this.#publication || this.#asking) return;
    this.#asking = true;
    try {
      this.#follow(await this.#session.shareScreen());
    } catch (error) {
      this.#tell.notice(error instanceof CallplaneError ? errorWords(error) : this.#publication ? GOES_ON : sharingWords(error));
    } finally {
      this.#asking = false;
    }
  }

  async #begin() {
    try {
      this.#publication = await this.#session.shareScreen();
    } catch (error) {
      return this.#tell.notice(unsharedWords(error));
    }
    this.#tell.shown(true);
    this.#await(this.#publication);
  }

  /** @param {import("../sdk/index.js").Publication} publication the same, unless that had ended meanwhile */
  #follow(publication) {
    if (publication === this.#publication) return;
    this.#publication = publication;
    this.#tell.shown(true);
    this.#await(publication);
  }

  /** @param {import("../sdk/index.js").Publication} publication */
  #await(publication) {
    void publication.ended.then((reason) => {
      if (reason === "removed") this.#tell.notice(screenStoppedWords());
      this.#publication = null;
      this.#tell.shown(false);
    });
  }
}

/** @param {unknown} error of the browser, or of the API */
function unsharedWords(error) {
  if (!(error instanceof CallplaneError)) return sharingWords(error);
  return error.code === "forbidden" ? screenUngrantedWords() : errorWords(error);
}
