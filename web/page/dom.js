// @ts-check
/** Elements: found by id, or made with texts that stay texts. */

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
