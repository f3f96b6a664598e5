// @ts-check
/** Screen: the parts of the page that are not tiles, which are lobby, state, notices and buttons. */

import { part } from "./dom.js";
import { Panels } from "./panels.js";
import { insecureWords } from "./texts.js";

/** How long a notice stays that nobody has to act on at once. */
const NOTICE = 12_000;

export class Screen {
  #lobby = part("lobby");
  #call = part("call");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #fading;
  grid = part("grid");
  panels = new Panels();
  form = /** @type {HTMLFormElement} */ (part("join"));
  buttons = {
    mic: part("mic"),
    camera: part("camera"),
    share: part("share"),
    shareElse: part("share-else"),
    hand: part("hand"),
    companion: /** @type {HTMLButtonElement} */ (part("companion")),
    copy: part("copy"),
    leave: part("leave"),
    sound: part("sound"),
    again: part("again"),
  };

  /**
   * Fill the lobby in from the address.
   * @param {import("./options.js").Options} options
   */
  prepare({ room, name, source, server }) {
    if (server) part("lobby-lead").textContent = `This call is on the server ${server}: what you send goes there.`;
    field("name").value = name;
    field("room").value = room;
    part("room-field").hidden = !!room;
    part("lobby-title").textContent = room ? "Join the call" : "Start a call";
    part("go").textContent = room ? "Join the call" : "Start the call";
    const insecure = insecureWords({ isSecureContext, location, devices: !!navigator.mediaDevices?.getUserMedia });
    part("insecure").textContent = insecure;
    part("insecure").hidden = !insecure;
    choice("camera").disabled = !!insecure;
    choice(insecure || source === "synthetic" ? "synthetic" : "camera").checked = true;
  }

  /** What the form says. */
  get wishes() {
    const source = /** @type {"camera" | "synthetic"} */ (choice("camera").checked ? "camera" : "synthetic");
    return { name: field("name").value.trim(), room: field("room").value, source };
  }

  /** @param {boolean} yes */
  busy(yes) {
    const go = /** @type {HTMLButtonElement} */ (part("go"));
    go.disabled = yes;
    this.form.setAttribute("aria-busy", String(yes));
  }

  get inCall() {
    return !this.#call.hidden;
  }

  enterCall() {
    this.#lobby.hidden = true;
    this.#call.hidden = false;
    this.soundBlocked(false);
    this.sharing(false);
    this.companion("away");
    this.picturesOnly(false);
  }

  /**
   * Back to the lobby.
   * @param {string} words
   * @param {{again: boolean, tone?: "plain" | "warning", here?: boolean}} options whether the same call can be joined again;
   *   `here`: it goes on in another tab
   */
  over(words, { again, tone, here = false }) {
    this.#call.hidden = true;
    this.#lobby.hidden = false;
    this.panels.hide();
    part("call-notice").hidden = true;
    this.lobbyNotice(words, tone);
    if (!again) field("room").value = "";
    part("room-field").hidden = again;
    part("lobby-title").textContent = here ? "In another tab" : again ? "Join again" : "Start a call";
    part("go").textContent = here ? "Use it here" : again ? "Join again" : "Start the call";
    part("go").focus();
    document.title = "Callplane";
  }

  /**
   * @param {string} words
   * @param {"plain" | "warning"} [tone]
   */
  lobbyNotice(words, tone = "warning") {
    part("lobby-notice").dataset.tone = tone;
    part("lobby-notice").textContent = words;
    part("lobby-notice").hidden = !words;
  }

  /** @param {string} words */
  notice(words) {
    clearTimeout(this.#fading);
    part("call-notice").textContent = words;
    part("call-notice").hidden = false;
    this.#fading = setTimeout(() => (part("call-notice").hidden = true), NOTICE);
  }

  /**
   * Tell those who cannot see.
   * @param {string} words
   */
  say(words) {
    part("live").textContent = words;
  }

  /**
   * @param {string} state
   * @param {string} words
   */
  state(state, words) {
    part("state").dataset.state = state;
    part("state-text").textContent = words;
    this.buttons.again.hidden = state !== "reconnecting";
    if (state === "reconnecting") this.say(words);
  }

  /**
   * @param {Record<string, any>} session
   * @param {number} count
   */
  title({ custom_id }, count) {
    const name = custom_id || "Call";
    part("call-title").textContent = `${name} · ${count} ${count === 1 ? "person" : "people"}`;
    document.title = `${name} (${count}) - Callplane`;
  }

  /**
   * @param {{audio: boolean, video: boolean}} muted
   * @param {MediaStream} stream without a track of a kind there is nothing to mute
   */
  mute(muted, stream) {
    const { mic, camera } = this.buttons;
    mic.hidden = !stream.getAudioTracks().length;
    camera.hidden = !stream.getVideoTracks().length;
    press(mic, muted.audio, muted.audio ? "Unmute" : "Mute");
    press(camera, muted.video, muted.video ? "Start video" : "Stop video");
  }

  /** @param {boolean} raised */
  hand(raised) {
    press(this.buttons.hand, raised, raised ? "Lower hand" : "Raise hand");
  }

  /** @param {boolean} yes */
  sharing(yes) {
    press(this.buttons.share, yes, yes ? "Stop sharing" : "Share screen");
    this.buttons.shareElse.hidden = !yes;
  }

  /** @param {boolean} yes */
  picturesOnly(yes) {
    part("pictures-only").setAttribute("aria-pressed", String(yes));
  }

  /**
   * Connected again: shown until something else is, and told.
   * @param {string} words
   */
  back(words) {
    part("state-text").textContent = words;
    this.say(words);
  }

  /** @param {boolean} yes */
  soundBlocked(yes) {
    this.buttons.sound.hidden = !yes;
    if (yes) this.notice("The browser plays sound only after a click: press “Play sound”.");
  }

  /** @param {"away" | "busy" | "here"} state */
  companion(state) {
    const { companion } = this.buttons;
    companion.disabled = state === "busy";
    if (state === "busy") return;
    label(companion, state === "here" ? "Remove the companion" : "Invite a synthetic companion");
    const words = /** @type {HTMLElement} */ (companion.querySelector("span"));
    words.dataset.short = state === "here" ? "Remove" : "Invite";
  }

  /** @param {string} link */
  async copy(link) {
    const copied = await write(link);
    if (!copied) return this.notice(`Copy this link: ${link}`);
    label(this.buttons.copy, "Link copied");
    this.say("Link copied");
    setTimeout(() => label(this.buttons.copy, "Copy link"), 2000);
  }
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (part(id));
}

/** @param {"camera" | "synthetic"} source */
function choice(source) {
  return /** @type {HTMLInputElement} */ (document.querySelector(`input[name=source][value=${source}]`));
}

/**
 * @param {HTMLElement} button
 * @param {string} words
 */
function label(button, words) {
  const span = /** @type {HTMLElement} */ (button.querySelector("span"));
  if (span.textContent !== words) span.textContent = words;
}

/**
 * @param {HTMLElement} button
 * @param {boolean} pressed
 * @param {string} words
 */
function press(button, pressed, words) {
  button.setAttribute("aria-pressed", String(pressed));
  label(button, words);
}

/**
 * The clipboard is missing on insecure origins; the old command is not.
 * @param {string} text
 */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
