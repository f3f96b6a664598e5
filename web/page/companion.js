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
   * Resolves when its seat is taken, so that it can be given back from then on.
   * @param {import("../sdk/index.js").Callplane} callplane
   * @param {string} id of the session
   * @param {{gone: () => void, failed: (error: unknown) => void}} tell `gone`: its seat is
   */
  static async invite(callplane, id, { gone, failed }) {
    const source = await openSource("synthetic", NAME);
    const session = callplane.seat(id, { name: NAME, metadata: { synthetic: true }, leaveWithPage: true });
    session.on("error", ({ error }) => failed(error));
    session.on("state", ({ state }) => {
      if (state !== "left" && state !== "closed") return;
      source.stop();
      gone();
    });
    try {
      await session.join();
    } catch (error) {
      source.stop();
      throw error;
    }
    void session.publish(source.stream).catch(() => {}); // It says `error` itself.
    return new Companion(session, source);
  }

  resume() {
    return this.#source.resume();
  }

  async remove() {
    await this.session.leave();
  }
}
