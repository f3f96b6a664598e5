// @ts-check
/** Device choice in the lobby: which camera and microphone, remembered for the next time. */

import { devices, onDeviceChange } from "../sdk/devices.js";
import { make, part } from "./dom.js";

/** @typedef {{camera?: string, microphone?: string}} Chosen ids; what is not named is the browser's to choose */

const KEPT = "callplane.devices";
const KINDS = /** @type {const} */ (["camera", "microphone"]);

export class DeviceChoice {
  constructor() {
    for (const kind of KINDS) select(kind).addEventListener("change", () => keep(this.chosen));
    onDeviceChange(() => void this.show());
    void this.show();
  }

  /** What is chosen, where there is a choice. */
  get chosen() {
    const chosen = KINDS.map((kind) => [kind, select(kind).value || kept()[kind]]);
    return /** @type {Chosen} */ (Object.fromEntries(chosen.filter(([, id]) => id)));
  }

  /** What there is to choose: nothing before the browser has been allowed one, for it names none until then. */
  async show() {
    const all = await devices().catch(() => []);
    for (const kind of KINDS) {
      const named = all.filter((one) => one.kind === kind && one.label);
      const wanted = select(kind).value || kept()[kind];
      select(kind).replaceChildren(...named.map(({ id, label }) => make("option", { value: id }, label)));
      if (named.some(({ id }) => id === wanted)) select(kind).value = wanted ?? "";
      part(`${kind}-field`).hidden = named.length < 2;
    }
  }
}

/** @param {typeof KINDS[number]} kind */
function select(kind) {
  return /** @type {HTMLSelectElement} */ (part(`${kind}-choice`));
}

/** @returns {Chosen} of the last time; nothing where the browser blocks storage, or somebody else wrote there */
function kept() {
  try {
    return chosenIn(localStorage.getItem(KEPT));
  } catch {
    return {};
  }
}

/** @param {Chosen} chosen */
function keep(chosen) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(chosen));
  } catch {
    // It is chosen anew the next time.
  }
}

/**
 * @param {string | null} text
 * @returns {Chosen}
 */
export function chosenIn(text) {
  try {
    const found = JSON.parse(text ?? "{}");
    return Object.fromEntries(KINDS.flatMap((kind) => (typeof found[kind] === "string" ? [[kind, found[kind]]] : [])));
  } catch {
    return {};
  }
}
