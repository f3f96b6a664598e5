/** Callplane in the browser: the types of `index.js`. */

export type Kind = "publish" | "subscribe";
export type Role = "publisher" | "subscriber" | "moderator";
export type State = "joining" | "connected" | "reconnecting" | "left" | "closed";
export type Media = "none" | "connecting" | "connected" | "reconnecting";
export type Track = "audio" | "video";
export type Transport = "websocket" | "sse" | "poll";

/** The API's own codes, and those of the SDK: nobody answered; left while it was joined. Others may come. */
export type ErrorCode =
  | "bad-request" | "unauthorized" | "forbidden" | "kicked" | "not-found" | "method-not-allowed" | "session-full"
  | "session-closed" | "settings-differ" | "poll-replaced" | "wrong-state" | "join-again" | "stale-version" | "too-large" | "head-too-large"
  | "unsupported-media-type" | "invalid" | "invalid-sdp" | "key-reused" | "too-many-requests" | "quota-exceeded" | "internal" | "unavailable" | "unreachable" | "left"
  | (string & {});

/** How a remote call failed, where neither the API nor the handler says it. */
export type RpcCode = "rpc-timeout" | "rpc-unknown" | "rpc-failed" | "rpc-busy" | "rpc-gone";

/** Why a session is in its state; of `left` and `closed` also the words of whoever removed or closed. */
export type StateReason =
  | "unreachable" | "media-lost" | "connection-failed"
  | "left" | "kicked" | "connection-lost" | "poll-replaced" | "unauthorized"
  | "closed" | "empty" | "departed" | "session-closed"
  | (string & {});

/** What can go wrong, with the API's own `code` where the API said it; `unreachable` where nobody answered. */
export class CallplaneError extends Error {
  /** For a handler of `onRpc` to throw: whoever asked is told it. */
  constructor(problem: { code?: ErrorCode; title?: string; detail?: string; status?: number });
  readonly status: number;
  readonly code: ErrorCode | RpcCode;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  /** Why a seat is gone, with `join-again`. */
  readonly reason: string | null;
  /** Seconds that the server asked to wait. */
  readonly retryAfter: number | null;
}

/** An EventTarget whose events carry their value in `detail`; `on` hands it over, and returns what ends the listening. */
export class Emitter<Events> extends EventTarget {
  on<K extends keyof Events>(type: K, listener: (detail: Events[K]) => void): () => void;
}

/** How available somebody is, until when; said as a whole. */
export interface Presence {
  show: "available" | "chat" | "away" | "xa" | "dnd";
  status: string;
  until: string | null;
}

/** What a seat may do. */
export interface Grants {
  /** Which sources it may send. */
  publish: ("camera" | "microphone" | "screen" | "screen_audio")[];
  subscribe: boolean;
  signal: boolean;
  chat: boolean;
  moderate: boolean;
}

export interface Participant {
  id: string;
  name: string | null;
  role: Role;
  /** What it may do otherwise than its role has it; null: nothing. */
  grants?: (Partial<Grants> & { hidden?: boolean }) | null;
  state: "joined" | "reconnecting";
  metadata: Record<string, unknown>;
  muted: { audio: boolean; video: boolean };
  presence: Presence;
  /** When its hand went up; null: it is down. */
  hand_raised_at: string | null;
  streams: { connection_id: string; source?: string | null }[];
}

/**
 * A stream that somebody else sends, or that is sent; `source` is `camera` where its sender says nothing else. What is
 * chosen by the four methods goes for whatever follows from the same source of the same seat; `participants` tells when
 * it is so. Of one's own streams all that means nothing.
 */
export interface StreamView {
  connection_id: string;
  source: "camera" | "screen" | (string & {});
  stream: MediaStream | null;
  media: Media;
  /** Whether it is to be received. */
  subscribed: boolean;
  /** Whether its picture is not to be received: its sound is. */
  paused: boolean;
  subscribe(): void;
  unsubscribe(): void;
  /** Receive its sound alone. */
  pause(): void;
  resume(): void;
}

/** A participant with what is received from them; of oneself, what is sent. */
export interface ParticipantView extends Omit<Participant, "streams"> {
  self: boolean;
  /** Of the camera. */
  media: Media;
  /** Of the camera. */
  stream: MediaStream | null;
  streams: StreamView[];
  /** Of oneself: the kinds that the server takes of what the camera and the microphone give. */
  sends: Track[];
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
  closed_at?: string | null;
  closed_because?: string | null;
  peak_participants?: number | null;
  participant_minutes?: number | null;
  /** What those in it share, by key. */
  state?: Record<string, SharedEntry>;
}

/** A value, and the version of the session since which its key has it. */
export interface SharedEntry {
  value: any;
  version: number;
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
  /** Receive whatever the others send, without `subscribe()` of each stream; true unless said otherwise. */
  autoSubscribe?: boolean;
  /** @deprecated The earlier name of `autoSubscribe`. */
  subscribe?: boolean;
  /** Seconds that one poll of the mailbox may last. */
  wait?: number;
  /**
   * How messages come: unless said otherwise by the best that gets through (WebSocket, server-sent events, long poll),
   * changed in mid-call. Delivery is the same by all three.
   */
  transport?: Transport | "auto";
  /** Give the seat back when the page goes; not for a page that keeps the token to come back after a reload. */
  leaveWithPage?: boolean;
}

export interface InboundStats {
  participant_id: string;
  connection_id: string | null;
  state: string;
  bytes: number;
  videoBytes: number;
  audioBytes: number;
  framesDecoded: number;
  packetsReceived: number;
  packetsLost: number;
  /** How often the picture stood still. */
  freezes: number;
  /** Seconds, now. */
  jitter: number;
  /** Seconds, now; null where the browser does not say. */
  roundTrip: number | null;
  /** The own candidate that carries it, such as `host udp` or `relay tcp`; empty before there is one. */
  path: string;
  /** 0 to 1, now. */
  audioLevel: number;
  width: number;
  height: number;
  /** Pictures a second, now. */
  fps: number;
  /** Such as `opus VP8`. */
  codecs: string;
}

/** What each event of a session carries in `detail`. */
export interface SessionEvents {
  state: { state: State; reason: StateReason | null; previous: State };
  participants: { participants: ParticipantView[] };
  signal: { from: string | null; type: string; data: any };
  /** A moderator or a server (null) would have one heard or seen: `mute({audio: false})` does it, and nothing else. */
  "unmute-requested": { media: ("audio" | "video")[]; from: string | null };
  error: { error: Error; during: string };
  /** What `monitor` has just read. */
  stats: Record<string, InboundStats>;
  /** Who speaks now, the loudest first; when somebody begins or ends. */
  speaking: { participants: string[] };
  /** Of a received stream, when it is another: `poor` is heard or seen, `lost` is being negotiated again. */
  quality: { participant_id: string; connection_id: string; quality: "good" | "poor" | "lost" };
  /**
   * What has just changed, one by one, as it was told. Where messages were missed the session is read anew, and only
   * `participants` tells what is another then.
   */
  "participant-joined": { participant: Participant };
  "participant-updated": { participant: Participant };
  "participant-left": { participant_id: string; reason?: string };
  "participant-reconnecting": { participant_id: string };
  "participant-reconnected": { participant_id: string };
  "participants-muted": { media: Track[]; but: string[] };
  "stream-published": { participant_id: string; connection_id: string; source?: string | null };
  "stream-unpublished": { participant_id: string; connection_id: string; reason?: string };
  "session-updated": { session: Partial<SessionInfo> };
  /** `value` is null of a key that is gone; `participant_id` is null where a server has done it. */
  "state-changed": { key: string; value: any; participant_id: string | null };
  "media-lost": { epoch: number };
  "media-ready": { epoch: number };
  /** Messages come by another transport now. */
  transport: { transport: Transport; previous: Transport };
  /** The page had slept for so many milliseconds, and hurries. */
  waking: { slept: number };
}

export interface SignalOptions {
  /** Ids, or `role:…` for whoever has that role; everybody where it is not said. */
  to?: string | string[];
  /** For who reads now; never kept. */
  volatile?: boolean;
  /** Milliseconds within which a volatile one is worth giving. */
  ttl?: number;
}

export interface PublicationEvents {
  /** Another one is still sent. */
  "track-ended": { kind: Track };
}

/** One source that is sent. */
export interface Publication extends Emitter<PublicationEvents> {
  readonly source: string;
  /** Of the present endpoint; another after each restart. */
  readonly connection_id: string | null;
  /** The kinds that the server takes. */
  readonly media: Track[];
  readonly state: "connecting" | "connected" | "reconnecting" | "closed";
  readonly stream: MediaStream | null;
  /** Settles when nothing is sent any more; `track-ended`: unplugged, or the browser's own *Stop sharing*. */
  readonly ended: Promise<"stopped" | "replaced" | "refused" | "removed" | "track-ended" | "left">;
  /** Of the camera it is said to the others, of other sources it is done. */
  mute(muted?: boolean | { audio?: boolean; video?: boolean }): Promise<void>;
  /** Send another track of its kind in the place of the present one; nothing is negotiated anew. */
  replaceTrack(track: MediaStreamTrack): Promise<void>;
  stop(): Promise<void>;
}

export interface ChatMessage {
  id: string;
  /** null: a server. */
  from: string | null;
  /** null: everybody. */
  to: string[] | null;
  at: string;
  /** As it was sent or edited last; null of what is deleted. */
  data: any;
  edited_at: string | null;
  deleted: boolean;
  position: number | null;
}

export interface ChatEvents {
  /** There is one more, or one is another. */
  messages: ChatMessage[];
  /** One was said just now. */
  message: ChatMessage;
}

/** What is said in a session; edits and deletions are folded in. */
export interface Chat extends Emitter<ChatEvents> {
  /** Oldest first. */
  readonly messages: ChatMessage[];
  /** Whether the session keeps what is said; null before `load`. */
  readonly history: boolean | null;
  /** Whether there is more before them. */
  readonly more: boolean;
  /** Read the newest page of the history. */
  load(limit?: number): Promise<boolean>;
  /** Read the page before those that are known. */
  earlier(limit?: number): Promise<boolean>;
  send(data: unknown, options?: { to?: string | string[] }): Promise<string>;
  edit(id: string, data: unknown): Promise<void>;
  delete(id: string): Promise<void>;
}

export interface SharedEvents {
  /** Of each key that is another, also where messages were missed; one that is gone has null and 0. */
  changed: { key: string; value: any; version: number };
}

/** What those in a session share. Each key is set by itself; with `ifVersion` (0: not there) one of several gets in. */
export interface Shared extends Emitter<SharedEvents> {
  get(key: string): any;
  entry(key: string): SharedEntry | undefined;
  entries(): [string, any][];
  /** Any JSON but null, up to 8 KiB. What is said here and to the others follows by `changed`. */
  set(key: string, value: unknown, options?: { ifVersion?: number }): Promise<number>;
  delete(key: string, options?: { ifVersion?: number }): Promise<void>;
}

/** One seat. It outlives lost connections and lost media servers by itself. */
export class Session extends Emitter<SessionEvents> {
  /** The session's id. */
  readonly id: string;
  /** The id of the own seat. */
  readonly me: string;
  /** The participant token. */
  readonly token: string;
  readonly state: State;
  readonly reason: StateReason | null;
  readonly info: Partial<SessionInfo>;
  /** Everybody, oneself first. */
  readonly participants: ParticipantView[];
  /** What is sent. */
  readonly publications: Publication[];
  readonly chat: Chat;
  /** By which messages come now. */
  readonly transport: Transport | null;
  /** Whether streams are received of which nothing was said. */
  readonly autoSubscribe: boolean;
  /** STUN and TURN servers, as they were given with the seat. */
  readonly iceServers: RTCIceServer[];
  /** Settles when the mailbox has ended. */
  readonly ended: Promise<void>;
  join(): Promise<this>;
  /** Send a stream of one track or two. A source is one publication: a second takes the place of the first. */
  publish(stream: MediaStream, options?: { source?: string; maxKbps?: number }): Promise<Publication>;
  /** Send this very device in the place of what is sent of its kind. */
  setDevice(kind: "camera" | "microphone", id: string, wishes?: MediaTrackConstraints): Promise<Publication>;
  /**
   * Ask for a screen, with its sound unless said otherwise, and send it; in the place of one that is shared, whose publication
   * goes on. From a click; rejects with the browser's own error, and then what was shared goes on.
   */
  shareScreen(options?: { audio?: boolean; video?: MediaTrackConstraints; maxKbps?: number }): Promise<Publication>;
  /** Of a source, or of all. */
  unpublish(source?: string): Promise<void>;
  mute(muted: { audio?: boolean; video?: boolean }): Promise<void>;
  update(
    participant: string,
    fields: Pick<SeatOptions, "name" | "role" | "metadata"> & {
      muted?: { audio?: boolean; video?: boolean };
      presence?: Partial<Presence>;
      hand_raised?: boolean;
      grants?: Partial<Grants>;
    },
  ): Promise<void>;
  /** Remove somebody, as a moderator; without a ban they may join again. */
  remove(participant: string, options?: { ban?: boolean }): Promise<void>;
  /** Mute the sound of everybody but oneself, as a moderator, or what `media` names of everybody whom `but` does not. */
  muteAll(options?: { but?: string[]; media?: Track[] }): Promise<void>;
  /** Change what somebody may do, as a moderator; what is not named stays. */
  grant(participant: string, grants: Partial<Grants>): Promise<void>;
  /** Let somebody moderate, as a moderator: they may what a moderator may, and of that no more than oneself. */
  makeModerator(participant: string): Promise<void>;
  /** Take that back, as a moderator, from anybody: they may what a publisher may. */
  takeModeration(participant: string): Promise<void>;
  /** End somebody's stream, as a moderator; its sender's `ended` says `removed`. */
  stopStream(connection_id: string): Promise<void>;
  /** Raise one's hand, or lower it. */
  raiseHand(raised?: boolean): Promise<void>;
  /** Said as a whole: what is not named is as if nothing had been said. */
  setPresence(presence: { show?: Presence["show"]; status?: string; until?: string | Date | null }): Promise<void>;
  signal(type: string, data: unknown, options?: string | string[] | SignalOptions): Promise<void>;
  /** Negotiate all media again. */
  restart(): void;
  /** By the publisher's connection: what was received so far. */
  stats(): Promise<Record<string, InboundStats>>;
  /** Look at the statistics each `interval` milliseconds (1,000): events `stats`, `speaking`, `quality`. */
  monitor(interval?: number): void;
  /**
   * Ask one participant something: what its `onRpc` of that method answers, within `timeout` milliseconds (10,000). Rejects
   * with a `CallplaneError`, `rpc-…` where the API refused nothing. Whoever is asked may hear it after the timeout, too.
   */
  rpc(participant: string, method: string, data?: unknown, options?: { timeout?: number }): Promise<any>;
  /** Answer what others ask; resolves to what ends that. One handler a method, the last. */
  onRpc(method: string, handler: (question: { from: string; data: any }) => unknown): Promise<() => void>;
  /** What those in the session share, by key. */
  shared(): Promise<Shared>;
  /** Ids, states and numbers of the call, for support; the first begins to keep what happens. No token, and nothing that was said. */
  report(): Promise<CallReport>;
  /** Have something go wrong, to see what happens: messages by another line, media anew, a token that is refused from now on. */
  simulate(failure: "signal-reconnect" | "media-reconnect" | "token-expired"): Promise<void>;
  /** Give the seat back, also while it is taken; with `keepalive` the request outlives the page. */
  leave(options?: { keepalive?: boolean }): Promise<void>;
}

/** One thing that was tried: `server`, a transport, `turn` or `media`; `ok` is null for what could not be tried. */
export interface CheckStep {
  name: "server" | Transport | "turn" | "media";
  ok: boolean | null;
  ms: number;
  detail: string;
}

/** What was found, to be kept or sent to somebody. */
export interface CheckReport {
  ok: boolean;
  at: string;
  agent: string;
  steps: CheckStep[];
}

/** What is known of a call, to be kept or sent to somebody. */
export interface CallReport {
  at: string;
  agent: string;
  online: boolean | null;
  session: { id: string; me: string; state: State; reason: StateReason | null; transport: Transport | null; epoch?: number; version?: number };
  participants: {
    id: string;
    state: Participant["state"];
    media: Media;
    sends?: Track[];
    streams: ({ connection_id: string; source: string; media: Media } & Record<string, unknown>)[];
  }[];
  /** The last 200 of `state`, `transport`, `quality` and `error`, an error by its code and its request's id. */
  happened: ({ at: string; event: string } & Record<string, unknown>)[];
}

/** The entrance: one Callplane, by default the one that served this module. */
export class Callplane {
  constructor(options?: {
    baseUrl?: string | URL;
    /** A function is asked for one whenever one is needed, and once more when that is refused (401). */
    accessToken?: string | null | (() => string | null | Promise<string | null>);
    fetch?: typeof globalThis.fetch;
    fetchLater?: (url: string, init: RequestInit) => unknown;
    RTCPeerConnection?: typeof globalThis.RTCPeerConnection;
  });
  /** Make a session; the same `custom_id` gives the same one. */
  createSession(settings?: SessionSettings): Promise<SessionInfo & { participants: Participant[] }>;
  /** Try what a call needs, step by step, between two seats of a session made for it; never rejects. */
  check(options?: { told?: (step: CheckStep) => void; patience?: number }): Promise<CheckReport>;
  /** Take a seat. */
  join(session: string, options?: SeatOptions): Promise<Session>;
  /** A seat not yet taken, for a page that listens before it joins. */
  seat(session: string, options?: SeatOptions): Session;
}

export interface Device {
  id: string;
  kind: "camera" | "microphone" | "speaker";
  /** Empty until the browser has been allowed to use one. */
  label: string;
}

/** Which devices there are. */
export function devices(kind?: Device["kind"]): Promise<Device[]>;
/** Tell what there is whenever it is something else; returns what ends it. */
export function onDeviceChange(changed: (now: Device[], change: { added: Device[]; removed: Device[] }) => void): () => void;
/** A track of this very device, to publish or for `Publication.replaceTrack`. */
export function openDevice(kind: "camera" | "microphone", id: string, wishes?: MediaTrackConstraints): Promise<MediaStreamTrack>;

/** Plays what is received, without its sound while the browser wants a click before that. */
export class Playback extends Emitter<{ blocked: null; allowed: null }> {
  /** Whether sound waits for a click. */
  readonly blocked: boolean;
  play(element: HTMLMediaElement, stream: MediaStream | null): Promise<void>;
  /** Play by this speaker, also what comes later; "" is the system's own choice. */
  setSpeaker(id: string): Promise<void>;
  /** An element is gone. */
  release(element: HTMLMediaElement): void;
  /** Call it from a click. */
  allow(): Promise<void>;
}

/** A moving picture and a soft chord, made on the spot. */
export function synthetic(options?: {
  label?: string;
  width?: number;
  height?: number;
  fps?: number;
  hue?: number;
}): Promise<{ stream: MediaStream; stop: () => void; resume: () => Promise<void> }>;
