// @ts-check
/** Tiles: a grid with one for each participant, with picture, name and one line on how they are; and each shared screen. */

import { Playback } from "../sdk/index.js";
import { SHARED, columns, tileWidth } from "./layout.js";
import { nameOf, participantWords, screenWords } from "./texts.js";

/**
 * @typedef {import("../sdk/index.js").ParticipantView} ParticipantView
 * @typedef {import("../sdk/index.js").StreamView} StreamView
 * @typedef {{root: HTMLElement, video: HTMLVideoElement, line: HTMLElement, numbers: HTMLElement, letter: HTMLElement,
 *   pin: HTMLButtonElement}} Tile
 */

export class Tiles {
  #grid;
  #playback = new Playback();
  #resizes;
  #sights;
  /** @type {Set<Element>} the tiles that are on screen */
  #seen = new Set();
  #alone = /** @type {HTMLElement} */ (document.getElementById("alone"));
  /** @type {string | null} the tile that is held large */
  #pinned = null;
  /** Whether those who send no picture are left out; oneself is not, nor whoever is pinned. */
  picturesOnly = false;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();

  /**
   * @param {HTMLElement} grid
   * @param {{blocked: () => void, moved: () => void}} options `blocked`: the browser wants a click before it plays sound;
   *   `moved`: other tiles are on screen
   */
  constructor(grid, { blocked, moved }) {
    this.#grid = grid;
    this.#playback.on("blocked", blocked);
    this.#resizes = new ResizeObserver(() => this.#layout());
    this.#resizes.observe(grid);
    this.#sights = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.#seen[isIntersecting ? "add" : "delete"](target);
      moved();
    });
  }

  /**
   * Whether somebody may see this: a page in the background shows nothing but what floats over others.
   * @param {string} participant
   * @param {string} source
   */
  seen(participant, source) {
    const tile = this.#tiles.get(source === "screen" ? screenOf(participant) : participant);
    if (!tile || document.pictureInPictureElement === tile.video) return true;
    return !document.hidden && this.#seen.has(tile.root);
  }

  /**
   * @param {ParticipantView[]} participants
   * @param {{mirrored: boolean}} look
   */
  show(participants, { mirrored }) {
    const shared = participants.flatMap((one) => screensOf(one).map((stream) => /** @type {const} */ ([one, stream])));
    const present = new Set([...participants.map(({ id }) => id), ...shared.map(([one]) => screenOf(one.id))]);
    for (const [id, tile] of this.#tiles) if (!present.has(id)) this.#remove(id, tile);
    for (const participant of participants) {
      const tile = this.#tiles.get(participant.id) ?? this.#add(participant.id, participant);
      tile.root.classList.toggle("mirror", participant.self && mirrored);
      tile.letter.textContent = [...nameOf(participant)][0].toUpperCase();
      tile.root.hidden = this.#isLeftOut(participant);
      this.#attach(tile, participant);
    }
    for (const [one, stream] of shared) this.#share(one, stream);
    this.#alone.hidden = participants.length !== 1;
    this.#layout();
  }

  /**
   * @param {ParticipantView} participant
   * @param {import("./flows.js").Flow} flow
   */
  tell(participant, flow) {
    const tile = this.#tiles.get(participant.id);
    if (!tile) return;
    const words = participantWords(participant, flow);
    const lost = participant.media === "reconnecting" || participant.state === "reconnecting";
    if (tile.line.textContent !== words) tile.line.textContent = tile.line.title = words;
    tile.numbers.textContent = flow.numbers;
    tile.root.dataset.health = lost || participant.media === "connecting" ? "wait" : "good";
    tile.root.classList.toggle("lost", lost);
    tile.root.classList.toggle("dark", !lost && (participant.muted.video || !flow.video));
  }

  /** @param {string[]} participants who are heard now */
  speaking(participants) {
    for (const [id, { root }] of this.#tiles) root.classList.toggle("speaks", participants.includes(id));
  }

  /** A click was made: sound may play now. */
  async unsilence() {
    await this.#playback.allow();
  }

  clear() {
    this.#resizes.disconnect();
    this.#sights.disconnect();
    for (const [id, tile] of this.#tiles) this.#remove(id, tile);
  }

  /**
   * By what they say of themselves, and not by what comes: of who is not seen, no picture is received after a while.
   * @param {ParticipantView} participant
   */
  #isLeftOut({ id, self, muted, media }) {
    return this.picturesOnly && !self && this.#pinned !== id && (muted.video || media === "none");
  }

  /**
   * A screen is seen as it is: not mirrored, not cut, and larger than a face.
   * @param {ParticipantView} participant
   * @param {StreamView} stream
   */
  #share(participant, stream) {
    const id = screenOf(participant.id);
    const tile = this.#tiles.get(id) ?? this.#add(id, participant);
    const words = screenWords(participant);
    tile.root.classList.add("shared");
    tile.root.classList.remove("dark");
    tile.root.classList.toggle("lost", stream.media === "reconnecting");
    tile.root.dataset.health = stream.media === "connected" ? "good" : "wait";
    tile.line.textContent = words;
    tile.video.setAttribute("aria-label", words);
    this.#attach(tile, stream);
  }

  /**
   * @param {string} id
   * @param {ParticipantView} participant
   */
  #add(id, participant) {
    const root = document.createElement("figure");
    root.className = "tile dark";
    root.dataset.participant = participant.id;
    root.dataset.self = String(participant.self);
    root.innerHTML = `
      <div class="screen"><video autoplay playsinline></video><div class="avatar" aria-hidden="true"><span></span></div>
      <div class="veil" aria-hidden="true">Reconnecting…</div><span class="numbers" aria-hidden="true"></span></div>
      <figcaption><span class="line"></span><button type="button" aria-pressed="false">Pin</button></figcaption>`;
    const find = (/** @type {string} */ what) => /** @type {HTMLElement} */ (root.querySelector(what));
    const video = /** @type {HTMLVideoElement} */ (find("video"));
    video.muted = participant.self;
    video.setAttribute("aria-label", `Picture of ${nameOf(participant)}`);
    const tile = { root, video, line: find(".line"), numbers: find(".numbers"), letter: find(".avatar span"), pin: /** @type {HTMLButtonElement} */ (find("figcaption button")) };
    tile.pin.setAttribute("aria-label", `Pin ${nameOf(participant)}`);
    tile.pin.addEventListener("click", () => this.#pin(this.#pinned === id ? null : id));
    this.#tiles.set(id, tile);
    this.#grid.append(root);
    this.#sights.observe(root);
    return tile;
  }

  /**
   * Hold one large, or none.
   * @param {string | null} id
   */
  #pin(id) {
    this.#pinned = id;
    for (const [one, { root, pin }] of this.#tiles) {
      root.classList.toggle("pinned", one === id);
      pin.setAttribute("aria-pressed", String(one === id));
    }
    this.#layout();
  }

  /**
   * @param {string} id
   * @param {Tile} tile
   */
  #remove(id, tile) {
    if (this.#pinned === id) this.#pin(null);
    this.#playback.release(tile.video);
    this.#sights.unobserve(tile.root);
    this.#seen.delete(tile.root);
    tile.root.remove();
    this.#tiles.delete(id);
  }

  /**
   * @param {Tile} tile
   * @param {Pick<ParticipantView, "stream" | "media">} shown
   */
  #attach({ video }, { stream, media }) {
    // While there is nothing new the element keeps the last picture.
    if (video.srcObject === stream || (!stream && media === "reconnecting")) return;
    void this.#playback.play(video, stream);
  }

  #layout() {
    const { paddingLeft, paddingRight, paddingTop, paddingBottom } = getComputedStyle(this.#grid);
    const width = this.#grid.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    const height = this.#grid.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    const shown = [...this.#tiles.values()].filter(({ root }) => !root.hidden);
    const large = shown.filter(({ root }) => root.matches(".shared, .pinned")).length;
    const count = shown.length + large * (SHARED - 1) + Number(!this.#alone.hidden);
    if (width <= 0) return;
    const tile = tileWidth(count, width, height);
    this.#grid.style.setProperty("--tile", `${tile}px`);
    this.#grid.classList.toggle("sharing", large > 0);
    this.#grid.classList.toggle("narrow", columns(tile, width) < 2);
  }
}

/** @param {ParticipantView} participant */
function screensOf({ streams }) {
  return streams.filter(({ source, media }) => source === "screen" && media !== "none").slice(0, 1);
}

/** @param {string} participant */
function screenOf(participant) {
  return `${participant} screen`;
}
