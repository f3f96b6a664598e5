// @ts-check
/** Keyboard shortcuts: one key each, while nothing is being typed; `?` shows them. */

import { make, part } from "./dom.js";

/** @type {[key: string, what: string, button: string][]} each presses a button, where that is shown */
export const SHORTCUTS = [
  ["m", "Mute or unmute the microphone", "mic"],
  ["v", "Stop or start the camera", "camera"],
  ["d", "Share the screen, or stop it", "share"],
  ["h", "Raise or lower your hand", "hand"],
  ["c", "Open or close the chat", "chat"],
  ["p", "Open or close the list of people", "people"],
];
/** Those that press no button of their own. */
const OTHERS = [
  ["Shift+D", "Show or hide the numbers of the call"],
  ["Esc", "Close what is open"],
  ["?", "Show these keys"],
];

/**
 * @param {{key: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey?: boolean, repeat?: boolean,
 *   target: any}} event
 * @returns {string | null} the key, where it is not for something else
 */
export function pressed({ key, altKey, ctrlKey, metaKey, shiftKey, repeat, target }) {
  if (altKey || ctrlKey || metaKey || repeat) return null;
  if (target?.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target?.tagName)) {
    return key === "Escape" ? key : null;
  }
  // Shift changes what a letter is for; caps lock does not.
  return key.length !== 1 || (shiftKey && key === "D") ? key : key.toLowerCase();
}

/** @param {{inCall: () => boolean, escape: () => void, inspect: () => void}} options */
export function listen({ inCall, escape, inspect }) {
  const sheet = /** @type {HTMLDialogElement} */ (part("keys"));
  for (const [key, what] of [...SHORTCUTS, ...OTHERS]) {
    part("keys-list").append(make("div", {}, make("dt", {}, make("kbd", {}, key.length === 1 ? key.toUpperCase() : key)), make("dd", {}, what)));
  }
  part("keys-open").addEventListener("click", () => sheet.showModal());
  addEventListener("keydown", (event) => {
    const key = pressed(event);
    if (!key || !inCall() || sheet.open) return; // The sheet's own Escape is the browser's.
    if (key === "?") return sheet.showModal();
    if (key === "Escape") return escape();
    if (key === "D") return inspect();
    const id = SHORTCUTS.find(([one]) => one === key)?.[2];
    if (!id || part(id).hidden) return;
    event.preventDefault();
    part(id).click();
  });
}
