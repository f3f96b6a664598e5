// @ts-check
/** Forms: named fields beside each other, and one button. */

import { make } from "../page/dom.js";

/** @typedef {{name: string, words: string, value?: string, type?: string, placeholder?: string, required?: boolean, options?: string[]}} Field */

/**
 * @param {Field[]} fields
 * @param {string} words what the button says
 * @param {(values: Record<string, string>) => void} act with what is written, without spaces around it; a tick is "on"
 */
export function form(fields, words, act) {
  const made = fields.map((field) => ({ ...field, element: input(field) }));
  const parts = made.flatMap(({ element, words: label }) => [make("label", { for: element.id }, label), element]);
  const whole = make("form", { class: "row" }, ...parts, make("button", {}, words));
  whole.addEventListener("submit", (event) => {
    event.preventDefault();
    act(Object.fromEntries(made.map(({ name, element }) => [name, written(element)])));
  });
  return whole;
}

/** @param {Field} field */
function input({ name, value = "", type = "text", placeholder = "", required = false, options }) {
  const id = `field-${name}`;
  if (options) {
    const choice = (/** @type {string} */ one) => make("option", { value: one, ...(one === value ? { selected: "" } : {}) }, one);
    return make("select", { id }, ...options.map(choice));
  }
  /** @type {Record<string, string>} */
  const more = type === "checkbox" ? {} : { value, placeholder, maxlength: "2048", autocomplete: "off", spellcheck: "false" };
  if (type === "number") more.min = "0";
  if (type === "number") more.step = "any";
  if (required) more.required = "";
  return make("input", { id, type, ...more });
}

/** @param {HTMLInputElement | HTMLSelectElement} element */
function written(element) {
  if (element.getAttribute("type") === "checkbox") return /** @type {HTMLInputElement} */ (element).checked ? "on" : "";
  return element.value.trim();
}
