// @ts-check
/** Texts: everything that the page says, in plain words and with what to do about it. */

import { moderates } from "./moderation.js";

/**
 * @typedef {import("../sdk/index.js").ParticipantView} ParticipantView
 * @typedef {{video: boolean, audio: boolean}} Flow what really arrives (of oneself: what really leaves)
 */

/** @type {Record<string, string>} by the problem's code */
const PROBLEMS = {
  unreachable: "The server cannot be reached. Check that it is running and that you are online, then try again.",
  unavailable: "The server is busy or starting up. Try again in a few seconds.",
  "not-found": "This call does not exist any more. Start a new one and send its link around.",
  "session-closed": "This call has ended. Start a new one and send its link around.",
  "session-full": "This call is full. Ask somebody to leave, or start a call of your own.",
  kicked: "You were removed from this call and cannot come back to it.",
  "join-again": "Your seat in this call is gone. Join again to get a new one.",
  unauthorized: "This server wants an access token. Open the link that your application gave you.",
  forbidden: "Your access token is not good for this call. Ask for a new link.",
  "too-many-requests": "Too many tries at once. Wait a moment, then try again.",
  "settings-differ": "A call of this name is going on with other settings. Join that one, or choose another name.",
  "quota-exceeded": "As many are in calls as may be at one time. Try again when somebody has left.",
  left: "You have left the call.",
  internal: "Something went wrong on the server. Try again; whoever runs it finds it in the server's log.",
  "wrong-state": "The call has changed meanwhile. Try again.",
  "too-large": "That is too long. Say it in several parts.",
  invalid: "The server does not accept that: it may be too long. Make it shorter and try again.",
  "poll-replaced": "This call goes on in another tab or window. Go on there, or use it here.",
  "invalid-sdp": "The server does not understand what this browser offers. Try a current Chrome, Edge, Firefox or Safari.",
};

/** @type {Record<string, string>} by the name of a getUserMedia error (Media Capture and Streams, 10.2) */
const DEVICES = {
  NotAllowedError: "The browser was not allowed to use camera and microphone. Allow it beside the address and join again to be seen and heard.",
  NotFoundError: "There is no camera or microphone. Plug one in and join again to be seen and heard.",
  NotReadableError: "Another program is using the camera or microphone. Close it and join again to be seen and heard.",
  AbortError: "Camera and microphone could not be started. Plug them in anew and join again to be seen and heard.",
  OverconstrainedError: "Camera and microphone cannot do what a call needs. Choose others in the browser's settings and join again.",
};

/** @type {Record<string, string>} by the name of a getDisplayMedia error (Screen Capture, 5.1) */
const SCREENS = {
  NotAllowedError: "The screen is not shared: it was cancelled, or the browser or the system does not allow it. Try again and choose one.",
  NotFoundError: "There is no screen or window that could be shared.",
  NotReadableError: "The system does not let that screen or window be shared. Choose another one.",
};

/** @type {Record<string, string>} by what the server does not take */
const UNTAKEN = {
  audio: "The server does not take the sound of this browser: the others see you, but do not hear you.",
  video: "The server does not take the picture of this browser: the others hear you, but do not see you.",
  both: "The server takes neither sound nor picture of this browser: the others neither see nor hear you.",
};

/** @type {Record<string, string>} by state and reason of the own seat */
const STATES = {
  joining: "Joining",
  connected: "Connected",
  reconnecting: "Reconnecting",
  "reconnecting media-lost": "Reconnecting: the media server went away, another takes over",
  "reconnecting connection-failed": "Reconnecting: the connection for sound and picture broke off",
  "reconnecting unreachable": "Reconnecting: the server does not answer",
  left: "You have left the call.",
  "left kicked": "You were removed from the call.",
  "left replaced": "This call goes on in another tab or window: you have joined again there.",
  "left session-closed": "The call has ended.",
  "left connection-lost": "You were away for too long, so your seat was given up. Join again to get a new one.",
  "left poll-replaced": "This call goes on in another tab or window.",
  "left unauthorized": "The server does not accept your seat any more. Join again.",
  closed: "The call has ended.",
  "closed session-closed": "The call has ended.",
  "closed empty": "The call has ended: nobody was in it.",
  "closed departed": "The call has ended: everybody had left.",
};

/**
 * @param {string} state
 * @param {string | null} reason
 */
export function stateWords(state, reason) {
  return STATES[`${state} ${reason}`] ?? STATES[state] ?? state;
}

/** @param {number} ms for which it was away */
export function againWords(ms) {
  return `Connected again after ${(ms / 1000).toFixed(1)} s`;
}

/**
 * Why nothing can be sent: one watches and listens then.
 * @param {unknown} error of getUserMedia
 */
export function watchingWords(error) {
  const { name = "" } = /** @type {any} */ (error ?? {});
  return `${DEVICES[name] ?? "Camera and microphone could not be used."} Until then you watch and listen.`;
}

/**
 * What the server does not take of what is published, or null when it takes all.
 * @param {string[]} published kinds
 * @param {string[]} taken kinds
 */
export function untakenWords(published, taken) {
  const untaken = published.filter((kind) => !taken.includes(kind));
  if (!untaken.length) return null;
  return UNTAKEN[taken.length ? untaken[0] : "both"];
}

/**
 * Why no screen is shared.
 * @param {unknown} error of getDisplayMedia
 */
export function sharingWords(error) {
  const { name = "" } = /** @type {any} */ (error ?? {});
  return SCREENS[name] ?? "The screen could not be shared. Try again, or choose another one.";
}

/**
 * A device that was unplugged, or taken away.
 * @param {"audio" | "video"} kind
 */
export function unpluggedWords(kind) {
  return kind === "audio"
    ? "Your microphone is gone: the others do not hear you. Plug it in, leave and join again."
    : "Your camera is gone: the others do not see you. Plug it in, leave and join again.";
}

/** What is said of a microphone from which nothing comes. */
export function silentWords() {
  return "Nothing comes from your microphone. Say something, or choose another one.";
}

/** What is said to somebody whose stream others have ended. */
export function removedWords() {
  return "Your sound and picture were stopped by a moderator: the others neither see nor hear you. Leave and join again if you may send again.";
}

/** What is said to somebody whose shared screen others have ended. */
export function screenStoppedWords() {
  return "Your screen was stopped by a moderator: the others do not see it any more.";
}

/** @type {Record<string, string>} by what somebody wanted to send and may not */
const UNGRANTED = {
  audio: "Your access token does not let you send sound: the others do not hear you.",
  video: "Your access token does not let you send a picture: the others do not see you.",
  both: "Your access token does not let you send sound or picture: you watch and listen.",
};

/**
 * What is said to somebody who may not send all that they wanted to, or null.
 * @param {string[]} kinds that they may not send
 */
export function ungrantedWords(kinds) {
  return kinds.length ? UNGRANTED[kinds.length > 1 ? "both" : kinds[0]] : null;
}

/** What is said to somebody who may not share a screen. */
export function screenUngrantedWords() {
  return "Your access token does not let you share a screen.";
}

/**
 * Why another server cannot be used from this page.
 * @param {"refused" | "insecure" | "away" | "odd"} why
 * @param {{server: string, origin: string}} names `origin`: of this page
 */
export function elsewhereWords(why, { server, origin }) {
  if (why === "refused") return `${server} lets no page of ${origin} use it. Whoever runs it adds ${origin} to its setting CALLPLANE_CORS_ORIGINS.`;
  if (why === "insecure") return `A page at https may use no server at http. Name ${server} by https, or open this page by http.`;
  if (why === "away") return `${server} does not answer. Check the address, and that it is running.`;
  return "That is no server's address. Write one such as https://calls.example.org.";
}

/** What is said to somebody whose seat ended while their machine slept. */
export function sleptWords() {
  return "You were away for too long, so your seat was given up: you have joined again.";
}

/** What is said to somebody whom others want to hear. */
export function unmuteWords() {
  return "You are asked to unmute yourself: press M or “Unmute” to be heard.";
}

/** What is said to somebody who talks while nobody hears it. */
export function mutedWords() {
  return "You are muted: nobody hears you. Press M or “Unmute” to be heard.";
}

/** @type {Record<string, [good: string, bad: string]>} by what was tried */
const CHECKS = {
  server: ["The server answers, and gives a seat.", "The server gives no seat: check the link, or ask whoever runs it."],
  websocket: ["Messages come by WebSocket.", "No messages by WebSocket: something on the way blocks it. The call uses another way."],
  sse: ["Messages come by server-sent events.", "No messages by server-sent events: something on the way holds them back. The call uses another way."],
  poll: ["Messages come by polling.", "No messages by polling: the server is out of reach, or very slow."],
  turn: ["A relay answers, for networks that let nothing else through.", "The relay does not answer: a strict firewall blocks it. Sound and picture may still come directly."],
  media: ["Sound and picture arrive.", "No picture arrives: a firewall may block UDP. Try another network, or ask for a TURN server."],
};

/** @param {import("../sdk/check.js").Step} step */
export function checkWords({ name, ok }) {
  if (ok === null) return "No relay was tried.";
  return CHECKS[name][ok ? 0 : 1];
}

/** @param {unknown} error */
export function errorWords(error) {
  const { code = "", title = "" } = /** @type {any} */ (error ?? {});
  return PROBLEMS[code] ?? `${title || "Something went wrong"}. Try again.`.replace(/\.\. /, ". ");
}

/**
 * Why this address gives no camera, or null when it does.
 * @param {{isSecureContext: boolean, location: {port: string, protocol: string}, devices: boolean}} page
 */
export function insecureWords({ isSecureContext, location, devices }) {
  if (isSecureContext && devices) return null;
  if (isSecureContext) return "This browser offers no camera or microphone to pages: use the synthetic picture.";
  const port = location.port ? `:${location.port}` : "";
  return (
    `Browsers give camera and microphone only to secure addresses. Open http://localhost${port} on the machine that ` +
    "runs Callplane, or put it behind https. The synthetic picture works here too."
  );
}

/**
 * One line on a participant, such as "Ann - connected, sending video and audio".
 * @param {ParticipantView} participant
 * @param {Flow} flow
 */
export function participantWords(participant, flow) {
  const name = nameOf(participant);
  const who = participant.self ? `${name} (you)` : name;
  const words = [connectionWords(participant), ...sendingWords(participant, flow), ...presenceWords(participant)];
  return `${who} - ${words.join(", ")}`;
}

/**
 * One line of the list of people: how somebody is, without what flows.
 * @param {ParticipantView} participant
 */
export function personWords(participant) {
  const { state, muted, presence } = participant;
  const words = [
    state === "reconnecting" ? "reconnecting" : "",
    ...presenceWords(participant),
    !presence || (presence.show === "available" && !presence.status) ? "available" : "",
    muted.audio ? "muted" : "",
    moderates(participant) ? "moderator" : "",
  ];
  return words.filter(Boolean).join(" · ");
}

/** @param {ParticipantView} participant */
export function screenWords(participant) {
  return participant.self ? "Your screen, as the others see it" : `The screen of ${nameOf(participant)}`;
}

/** @type {Record<string, string>} */
const SHOWS = { chat: "free to talk", away: "away", xa: "away for long", dnd: "do not disturb" };

/**
 * @param {ParticipantView} participant
 * @returns {string[]}
 */
function presenceWords({ presence, hand_raised_at }) {
  return [hand_raised_at ? "hand raised" : "", SHOWS[presence?.show ?? ""] ?? "", presence?.status ?? ""].filter(Boolean);
}

/** @param {{name: string | null}} participant */
export function nameOf({ name }) {
  return name || "Guest";
}

/** @param {ParticipantView} participant */
function connectionWords({ state, media }) {
  return state === "reconnecting" || media === "reconnecting" ? "reconnecting" : "connected";
}

/**
 * @param {ParticipantView} participant
 * @param {Flow} flow
 * @returns {string[]}
 */
function sendingWords({ muted, media, state, streams }, flow) {
  if (media === "reconnecting" || state === "reconnecting") return [];
  if (media === "none") return ["sending nothing"];
  const isPaused = !muted.video && !!streams?.some(({ source, paused }) => source === "camera" && paused);
  const off = [muted.video && "video stopped", isPaused && "picture paused", muted.audio && "muted"].filter((word) => typeof word === "string");
  const sent = [flow.video && !muted.video && "video", flow.audio && !muted.audio && "audio"].filter(Boolean);
  if (sent.length) return [`sending ${sent.join(" and ")}`, ...off];
  return off.length ? off : ["video and audio are on their way"];
}
