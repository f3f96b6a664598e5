// @ts-check
/** Connection test: tries what a call needs, says each result in a sentence, and gives a report to send to somebody. */

import { make, part } from "./dom.js";
import { checkWords } from "./texts.js";

/** @typedef {import("../sdk/check.js").Step} Step */

/**
 * Have the button of the lobby open it.
 * @param {import("../sdk/index.js").Callplane} callplane
 */
export function offerCheck(callplane) {
  const dialog = /** @type {HTMLDialogElement} */ (part("check"));
  const again = /** @type {HTMLButtonElement} */ (part("check-again"));
  const run = async () => {
    if (again.disabled) return; // One is under way.
    again.disabled = true;
    part("check-list").replaceChildren();
    part("check-report").hidden = true;
    part("check-words").textContent = "Trying what a call needs: this takes a few seconds.";
    const report = await callplane.check({ told: (step) => part("check-list").append(item(step)) });
    part("check-words").textContent = report.ok ? "Everything that a call needs works here." : "Something that a call needs does not work here.";
    offerReport(report);
    again.disabled = false;
  };
  part("check-open").addEventListener("click", () => {
    dialog.showModal();
    void run();
  });
  again.addEventListener("click", () => void run());
}

/** @param {Step} step */
function item(step) {
  const health = step.ok === null ? "none" : step.ok ? "good" : "bad";
  const text = make("p", {}, make("b", {}, checkWords(step)), make("span", {}, `${step.detail} (${step.ms} ms)`));
  return make("li", { "data-step": step.name, "data-health": health }, make("i", { class: "dot", "aria-hidden": "true" }), text);
}

/** @param {import("../sdk/check.js").Report} report */
function offerReport(report) {
  const link = /** @type {HTMLAnchorElement} */ (part("check-report"));
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" }));
  link.hidden = false;
}
