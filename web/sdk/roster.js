// @ts-check
/** Roster: who is in a session and what they send; a snapshot, moved on by the events that follow it. */

import { pause } from "./backoff.js";

/** How often a snapshot that is behind an event is read again: a deposed primary lags for seconds (design 5). */
const SNAPSHOTS = 4;
const LAG = 500;

/**
 * @typedef {{id: string, name: string | null, role: string, state: string, metadata: Record<string, unknown>,
 *   muted: {audio: boolean, video: boolean}, presence: {show: string, status: string, until: string | null},
 *   hand_raised_at: string | null, streams: {connection_id: string, source?: string | null}[]}} Participant
 * @typedef {import("./mailbox.js").Message} Message
 */

/** @type {Record<string, (roster: Roster, data: any, version: number) => void>} */
const CHANGES = {
  "participant-joined": (roster, { participant }) => roster.participants.set(participant.id, { ...participant }),
  // Onto what is known: a server of the version before leaves out what it does not know.
  "participant-updated": (roster, { participant }) =>
    roster.participants.set(participant.id, { ...roster.participants.get(participant.id), ...participant }),
  "participants-muted": (roster, { media, but }) => {
    const all = Object.fromEntries(media.map((/** @type {string} */ medium) => [medium, true]));
    for (const { id, muted } of roster.participants.values()) {
      if (!but.includes(id)) roster.change(id, { muted: { ...muted, ...all } });
    }
  },
  "participant-left": (roster, { participant_id }) => roster.participants.delete(participant_id),
  "participant-reconnecting": (roster, data) => roster.change(data.participant_id, { state: "reconnecting" }),
  "participant-reconnected": (roster, data) => roster.change(data.participant_id, { state: "joined" }),
  "session-updated": (roster, { session }) => roster.update(session),
  "state-changed": (roster, { key, value }, version) => {
    const state = { ...roster.session.state, [key]: { value, version } };
    if (value === null) delete state[key];
    roster.update({ state });
  },
  "session-closed": (roster, { reason, ...figures }) =>
    roster.update({ ...figures, status: "closed", closed_because: reason }),
  "stream-published": (roster, { participant_id, connection_id, source }) => {
    const streams = roster.streams(participant_id).filter((stream) => stream.connection_id !== connection_id);
    roster.change(participant_id, { streams: [...streams, { connection_id, ...(source ? { source } : {}) }] });
  },
  "stream-unpublished": (roster, { participant_id, connection_id }) => {
    const streams = roster.streams(participant_id).filter((stream) => stream.connection_id !== connection_id);
    roster.change(participant_id, { streams });
  },
  "media-lost": (roster, { epoch }) => {
    // A loss says nothing else: every stream ended with it (design 7.1).
    for (const id of roster.participants.keys()) roster.change(id, { streams: [] });
    roster.update({ epoch });
  },
  "media-ready": (roster, { epoch }) => roster.update({ epoch }),
};

/** The session as this client knows it. */
export class Roster {
  /** @type {Map<string, Participant>} */
  participants = new Map();
  /** @type {Record<string, any>} the session's own fields, without its participants */
  session = {};

  /** The version that was last applied. */
  get version() {
    return this.session.version ?? -1;
  }

  get epoch() {
    return this.session.epoch ?? 1;
  }

  /** @param {Message} message */
  static counts(message) {
    // Connections count versions of their own, so a version alone does not make a state event.
    return message.type in CHANGES && message.version !== null && message.version !== undefined;
  }

  /**
   * Take a snapshot over, unless it is older than what is known.
   * @param {Record<string, any>} snapshot
   */
  load({ participants, ...session }) {
    if (session.version < this.version) return;
    this.session = session;
    this.participants = new Map(participants.map((/** @type {Participant} */ one) => [one.id, { ...one }]));
  }

  /**
   * @param {Message} message a state event
   * @returns {"stale" | "gap" | "applied"}
   */
  apply(message) {
    const version = /** @type {number} */ (message.version);
    if (version <= this.version) return "stale";
    if (version > this.version + 1) return "gap";
    CHANGES[message.type](this, message.data, version);
    this.session = { ...this.session, version };
    return "applied";
  }

  /**
   * Give the versions before `message` up: the next `apply` takes it.
   * @param {Message} message
   */
  skip({ version }) {
    this.session = { ...this.session, version: /** @type {number} */ (version) - 1 };
  }

  /** @param {string} id */
  streams(id) {
    return this.participants.get(id)?.streams ?? [];
  }

  /**
   * @param {string} id
   * @param {Partial<Participant>} fields
   */
  change(id, fields) {
    const known = this.participants.get(id);
    if (known) this.participants.set(id, { ...known, ...fields });
  }

  /** @param {Record<string, any>} fields */
  update({ participants: _, version: __, ...fields }) {
    this.session = { ...this.session, ...fields };
  }
}

/**
 * Moves a roster on by an event, reading the snapshot again where events are missing.
 * @param {Roster} roster
 * @param {import("./mailbox.js").Message} message
 * @param {() => Promise<Record<string, any>>} read the session's snapshot
 * @returns {Promise<boolean>} whether the roster is another now
 */
export async function follow(roster, message, read) {
  const before = roster.version;
  for (let attempt = 0; roster.apply(message) === "gap"; attempt++) {
    if (attempt) await pause(LAG);
    if (attempt < SNAPSHOTS) roster.load(await read());
    else roster.skip(message);
  }
  return roster.version > before;
}
