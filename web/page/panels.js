// @ts-check
/** Side panels: chat and people, one of them at a time, beside the pictures or on a narrow screen over them. */

import { part } from "./dom.js";

/** @typedef {"chat" | "people"} Panel */

export class Panels {
  /** @type {Panel | null} */
  #open = null;
  #opened = (/** @type {Panel} */ _panel) => {};

  constructor() {
    for (const panel of /** @type {const} */ (["chat", "people"])) {
      part(panel).addEventListener("click", () => this.toggle(panel));
      part(`${panel}-close`).addEventListener("click", () => this.close());
    }
  }

  get open() {
    return this.#open;
  }

  /** @param {(panel: Panel) => void} opened */
  onOpen(opened) {
    this.#opened = opened;
  }

  /** @param {Panel} panel */
  toggle(panel) {
    if (this.#open === panel) return this.close();
    this.#show(panel);
    this.#opened(panel);
    part(panel === "chat" ? "chat-text" : "people-close").focus();
  }

  /** The focus goes back to the button that opened it. */
  close() {
    const panel = this.#open;
    if (!panel) return;
    this.#show(null);
    part(panel).focus();
  }

  /** Without a call there is none. */
  hide() {
    this.#show(null);
  }

  /** @param {Panel | null} shown */
  #show(shown) {
    this.#open = shown;
    for (const panel of ["chat", "people"]) {
      part(`${panel}-panel`).hidden = panel !== shown;
      part(panel).setAttribute("aria-expanded", String(panel === shown));
    }
  }
}
