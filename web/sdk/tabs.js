// @ts-check
/** Tabs: a seat is held in one of a browser's tabs alone, the one that took it last; an older one is told (Web Locks API). */

/**
 * @typedef {object} Hold
 * @property {() => Promise<boolean>} mine whether it is held here still: a page that wakes may not have been told yet
 * @property {() => void} release
 * @typedef {Hold & {tell: Set<() => void>}} Share what the sessions of one page have of one seat
 */

export class Tab {
  #locks;
  /** @type {Map<string, Share>} */
  #shares = new Map();

  /** @param {LockManager | undefined} locks none: the server alone tells */
  constructor(locks) {
    this.#locks = locks;
  }

  /**
   * Hold a seat here, whichever tab held it.
   * @param {string} seat its id
   * @param {() => void} taken a newer tab holds it
   * @returns {Hold}
   */
  hold(seat, taken) {
    const name = `callplane ${seat}`;
    const share = this.#shares.get(name) ?? this.#steal(name);
    share.tell.add(taken);
    const release = () => {
      share.tell.delete(taken);
      if (!share.tell.size) share.release();
    };
    return { mine: share.mine, release };
  }

  /**
   * Not waited for: an older tab may be asleep, and would give nothing back.
   * @param {string} name
   * @returns {Share}
   */
  #steal(name) {
    const locks = this.#locks;
    let over = false;
    /** @type {string | undefined} what the browser calls this page */
    let self;
    let letGo = (/** @type {unknown} */ _) => {};
    const end = () => {
      over = true;
      if (this.#shares.get(name) === share) this.#shares.delete(name);
      letGo(null);
    };
    const holder = async () => (await locks?.query())?.held?.find((lock) => lock.name === name)?.clientId;
    const kept = new Promise((resolve) => (letGo = resolve));
    const keep = async () => {
      self = await holder().catch(() => undefined);
      await kept;
    };
    const lost = (/** @type {any} */ error) => {
      if (over || error?.name !== "AbortError") return; // A page that may have no locks.
      end();
      for (const taken of share.tell) taken();
    };
    /** @type {Share} */
    const share = {
      tell: new Set(),
      mine: async () => !over && (!self || (await holder().catch(() => self)) === self),
      release: end,
    };
    this.#shares.set(name, share);
    locks?.request(name, { steal: true }, keep).catch(lost);
    return share;
  }
}

/** This one. */
export const tab = new Tab(globalThis.navigator?.locks);
