// @ts-check
/** Monitor: looks at the statistics again and again, and tells who speaks and how well each stream arrives. */

/** Levels between which nothing changes: what rises above the upper one is speech, until it falls below the lower one. */
const SPEAKS = 0.03;
const SILENT = 0.01;
/** Looks for which somebody may pause between two words. */
const PAUSE = 2;
/** Of the packets of one look; what is lost beyond that is heard and seen. */
const LOSS = 0.05;
/** Seconds; more than what a buffer usually hides. */
const JITTER = 0.1;

/**
 * @typedef {import("./stats.js").InboundStats} InboundStats
 * @typedef {Record<string, InboundStats>} Stats
 * @typedef {"good" | "poor" | "lost"} Quality
 * @typedef {(type: "stats" | "speaking" | "quality", detail: unknown) => void} Say
 */

export class Monitor {
  #say;
  /** @type {Stats} */
  #before = {};
  /** @type {Map<string, number>} looks since each of those who speak was heard last */
  #speaking = new Map();
  /** @type {Map<string, Quality>} by stream */
  #qualities = new Map();

  /** @param {Say} say */
  constructor(say) {
    this.#say = say;
  }

  /** @param {Stats} stats */
  look(stats) {
    this.#say("stats", stats);
    this.#listen(stats);
    for (const [stream, now] of Object.entries(stats)) this.#judge(stream, now);
    for (const stream of this.#qualities.keys()) if (!stats[stream]) this.#qualities.delete(stream);
    this.#before = stats;
  }

  /** @param {Stats} stats */
  #listen(stats) {
    const before = [...this.#speaking.keys()].join();
    /** @type {Map<string, number>} */
    const levels = new Map();
    for (const { participant_id, audioLevel } of Object.values(stats)) {
      levels.set(participant_id, Math.max(audioLevel, levels.get(participant_id) ?? 0));
    }
    for (const [id, level] of levels) {
      const looks = this.#speaking.get(id);
      if (level > SPEAKS || (looks !== undefined && level > SILENT)) this.#speaking.set(id, 0);
      else if (looks !== undefined) this.#speaking.set(id, looks + 1);
    }
    for (const [id, looks] of this.#speaking) if (looks > PAUSE || !levels.has(id)) this.#speaking.delete(id);
    const loudest = [...this.#speaking.keys()].sort((a, b) => Number(levels.get(b)) - Number(levels.get(a)));
    if ([...this.#speaking.keys()].join() !== before) this.#say("speaking", { participants: loudest });
  }

  /**
   * @param {string} stream
   * @param {InboundStats} now
   */
  #judge(stream, now) {
    const quality = qualityOf(this.#before[stream] ?? now, now);
    if (this.#qualities.get(stream) === quality) return;
    this.#qualities.set(stream, quality);
    this.#say("quality", { participant_id: now.participant_id, connection_id: stream, quality });
  }
}

/**
 * @param {InboundStats} before
 * @param {InboundStats} now
 * @returns {Quality}
 */
export function qualityOf(before, now) {
  if (now.state === "reconnecting") return "lost";
  const lost = Math.max(0, now.packetsLost - before.packetsLost);
  const all = lost + Math.max(0, now.packetsReceived - before.packetsReceived);
  const isPoor = lost > all * LOSS || now.jitter > JITTER || now.freezes > before.freezes;
  return isPoor ? "poor" : "good";
}

/**
 * Look each `interval` milliseconds, never at two things at once.
 * @param {{stats: () => Promise<Stats>, say: Say}} session
 * @param {number} interval
 * @returns {() => void} ends it
 */
export function monitoring(session, interval) {
  const monitor = new Monitor((type, detail) => session.say(type, detail));
  let looking = false;
  let over = false;
  const timer = setInterval(async () => {
    if (looking) return;
    looking = true;
    try {
      const stats = await session.stats();
      if (!over) monitor.look(stats);
    } finally {
      looking = false;
    }
  }, interval);
  return () => {
    over = true;
    clearInterval(timer);
  };
}
