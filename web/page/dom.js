// @ts-check
/** Elements: found by id, or made with texts that stay texts; and files that are made here. */

/**
 * @template {HTMLElement} T
 * @param {string} id
 */
export const part = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | (() => void)>} attributes `onclick` listens, everything else is set as it is named
 * @param {...(Node | string)} children
 */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/**
 * Have the browser keep this text as a file.
 * @param {string} name
 * @param {string} text JSON
 */
export function download(name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href, download: name }).click();
  // The browser reads it after the click, and says nothing when it has.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
