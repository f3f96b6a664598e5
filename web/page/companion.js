// @ts-check
/** A second participant in the same tab, so that a person alone sees and hears a call. */

import { openSource } from "./media.js";

const NAME = "Companion";

/** Joins the same session with a seat, a token and media of its own. */
export class Companion {
  #source;

  /**
   * @param {import("../sdk/index.js").Session} session
   * @param {import("./media.js").Source} source
   */
  constructor(session, source) {
    this.session = session;
    this.#source = source;
  }

  /**
   * @param {import("../sdk/index.js").Callplane} callplane
   * @param {string} id of the session
   * @param {(companion: Companion) => void} gone it was removed, or its seat was
   */
  static async invite(callplane, id, gone) {
    const source = await openSource("synthetic", NAME);
    try {
      const session = await callplane.join(id, { name: NAME, metadata: { synthetic: true } });
      const companion = new Companion(session, source);
      session.on("state", ({ state }) => {
        if (state !== "left" && state !== "closed") return;
        source.stop();
        gone(companion);
      });
      await session.publish(source.stream);
      return companion;
    } catch (error) {
      source.stop();
      throw error;
    }
  }

  resume() {
    return this.#source.resume();
  }

  /** @param {{keepalive?: boolean}} [options] */
  async remove(options) {
    await this.session.leave(options);
  }
}
