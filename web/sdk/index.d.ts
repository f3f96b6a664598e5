/** Callplane in the browser: the types of `index.js`. */

export type Kind = "publish" | "subscribe";
export type Role = "publisher" | "subscriber" | "moderator";
export type State = "joining" | "connected" | "reconnecting" | "left" | "closed";
export type Media = "none" | "connecting" | "connected" | "reconnecting";

/** What can go wrong, with the API's own `code` where the API said it; `unreachable` where nobody answered. */
export class CallplaneError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  /** Why a seat is gone, with `join-again`. */
  readonly reason: string | null;
  /** Seconds that the server asked to wait. */
  readonly retryAfter: number | null;
}

/** How available somebody is, until when; said as a whole. */
export interface Presence {
  show: "available" | "chat" | "away" | "xa" | "dnd";
  status: string;
  until: string | null;
}

export interface Participant {
  id: string;
  name: string | null;
  role: Role;
  state: "joined" | "reconnecting";
  metadata: Record<string, unknown>;
  muted: { audio: boolean; video: boolean };
  presence: Presence;
  /** When its hand went up; null: it is down. */
  hand_raised_at: string | null;
  streams: { connection_id: string }[];
}

/** A participant with what is received from them; of oneself, what is sent. */
export interface ParticipantView extends Participant {
  self: boolean;
  media: Media;
  /** Of oneself: the kinds that the server takes of what is published. */
  sends: ("audio" | "video")[];
  stream: MediaStream | null;
}

export interface SessionInfo {
  id: string;
  custom_id: string | null;
  status: "open" | "closed";
  version: number;
  epoch: number;
  metadata: Record<string, unknown>;
  max_participants: number;
  empty_timeout: number;
  departure_timeout: number;
  grace: number;
  created_at: string;
}

export interface SessionSettings {
  custom_id?: string;
  max_participants?: number;
  empty_timeout?: number;
  departure_timeout?: number;
  grace?: number;
  metadata?: Record<string, unknown>;
}

export interface SeatOptions {
  name?: string;
  role?: Role;
  metadata?: Record<string, unknown>;
  /** A participant token, to come back to its seat; else the entrance's access token is used. */
  token?: string;
  /** Receive whatever the others send; true unless said otherwise. */
  subscribe?: boolean;
  /** Seconds that one poll of the mailbox may last. */
  wait?: number;
  /** How messages come: long poll unless said otherwise. Delivery is the same by all three. */
  transport?: "poll" | "sse" | "websocket";
}

export interface InboundStats {
  participant_id: string;
  connection_id: string | null;
  state: string;
  bytes: number;
  videoBytes: number;
  audioBytes: number;
  framesDecoded: number;
  packetsLost: number;
}

/** What each event of a session carries in `detail`. */
export interface SessionEvents {
  /**
   * `reason` of `reconnecting`: `unreachable`, `media-lost` or `connection-failed`; of `left`: `left`, `kicked`,
   * `connection-lost` or `poll-replaced`; of `closed`: what the one who closed it said, `empty`,
   * `departed`, or `session-closed` where nobody says more.
   */
  state: { state: State; reason: string | null; previous: State };
  participants: { participants: ParticipantView[] };
  signal: { from: string | null; type: string; data: any };
  error: { error: Error; during: string };
}

/** One seat. It outlives lost connections and lost media servers by itself. */
export class Session extends EventTarget {
  /** The session's id. */
  readonly id: string;
  /** The id of the own seat. */
  readonly me: string;
  /** The participant token. */
  readonly token: string;
  readonly state: State;
  readonly reason: string | null;
  readonly info: Partial<SessionInfo>;
  /** Everybody, oneself first. */
  readonly participants: ParticipantView[];
  /** Settles when the mailbox has ended. */
  readonly ended: Promise<void>;
  join(): Promise<this>;
  /** Listen to an event; returns what ends the listening. */
  on<K extends keyof SessionEvents>(type: K, listener: (detail: SessionEvents[K]) => void): () => void;
  /** Send a stream of one track or two; `media` is what the server takes of them. */
  publish(stream: MediaStream): Promise<{ connection_id: string | null; media: ("audio" | "video")[] }>;
  unpublish(): Promise<void>;
  mute(muted: { audio?: boolean; video?: boolean }): Promise<void>;
  update(
    participant: string,
    fields: Pick<SeatOptions, "name" | "role" | "metadata"> & {
      muted?: { audio?: boolean; video?: boolean };
      presence?: Partial<Presence>;
      hand_raised?: boolean;
    },
  ): Promise<void>;
  /** Raise one's hand, or lower it. */
  raiseHand(raised?: boolean): Promise<void>;
  signal(type: string, data: unknown, to?: string): Promise<void>;
  /** Negotiate all media again. */
  restart(): void;
  /** By the publisher's connection: what was received so far. */
  stats(): Promise<Record<string, InboundStats>>;
  /** Give the seat back; with `keepalive` the request outlives the page. */
  leave(options?: { keepalive?: boolean }): Promise<void>;
}

/** The entrance: one Callplane, by default the one that served this module. */
export class Callplane {
  constructor(options?: {
    baseUrl?: string | URL;
    accessToken?: string | null;
    fetch?: typeof globalThis.fetch;
    RTCPeerConnection?: typeof globalThis.RTCPeerConnection;
  });
  /** Make a session; the same `custom_id` gives the same one. */
  createSession(settings?: SessionSettings): Promise<SessionInfo & { participants: Participant[] }>;
  /** Take a seat. */
  join(session: string, options?: SeatOptions): Promise<Session>;
  /** A seat not yet taken, for a page that listens before it joins. */
  seat(session: string, options?: SeatOptions): Session;
}

/** A moving picture and a soft chord, made on the spot. */
export function synthetic(options?: {
  label?: string;
  width?: number;
  height?: number;
  fps?: number;
  hue?: number;
}): { stream: MediaStream; stop: () => void; resume: () => Promise<void> };
