// @ts-check
/** Muting: at once on one's own tracks, then said to the others; and done when a moderator says so. */

/** @typedef {{audio?: boolean, video?: boolean}} Muted */

export class Muting {
  #tracks;
  #tell;
  #underWay = 0;
  /** @type {Muted | undefined} what the seat said last */
  #said;

  /**
   * @param {() => MediaStreamTrack[]} tracks that are sent
   * @param {(muted: Muted) => Promise<void>} tell
   */
  constructor(tracks, tell) {
    this.#tracks = tracks;
    this.#tell = tell;
  }

  /** @param {Muted} muted */
  async mute(muted) {
    this.#enable(muted);
    this.#underWay++;
    try {
      await this.#tell(muted);
    } finally {
      this.#underWay--;
    }
  }

  /**
   * The seat says this. Only a change counts, and none while our own is under way: it may be older. Nobody else puts a
   * track on again.
   * @param {Muted | undefined} said
   */
  obey(said) {
    const before = this.#said;
    this.#said = said;
    if (!said || !before || this.#underWay) return;
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      if (said[kind] && !before[kind]) this.#enable({ [kind]: true });
    }
  }

  /** @param {Muted} muted */
  #enable(muted) {
    for (const track of this.#tracks()) {
      const off = muted[/** @type {"audio" | "video"} */ (track.kind)];
      if (off !== undefined) track.enabled = !off;
    }
  }
}
