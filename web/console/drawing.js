// @ts-check
/** Drawing: what is shown is drawn anew every few seconds, under the eyes of who reads, writes or steps through it. */

const STEPS = "a, button, input, select, textarea, summary, [tabindex]";

/**
 * Put this in place of what was there: what had the focus has it again, and what was scrolled is where it was.
 * @param {HTMLElement} content
 * @param {Node[]} nodes
 */
export function redraw(content, nodes) {
  const active = document.activeElement;
  const before = active && content.contains(active) ? placeOf(content, active) : null;
  const lefts = scrolled(content).map((one) => one.scrollLeft);
  content.replaceChildren(...nodes);
  scrolled(content).forEach((one, index) => (one.scrollLeft = lefts[index] ?? 0));
  if (before) steps(content).filter((one) => nameOf(one) === before.name)[before.index]?.focus({ preventScroll: true });
}

/**
 * What somebody has written, chosen or marked is not taken away.
 * @param {HTMLElement} content
 */
export function isBusy(content) {
  const marked = getSelection();
  if (marked && !marked.isCollapsed && content.contains(marked.anchorNode)) return true;
  const active = document.activeElement;
  if (active?.tagName === "SELECT" && content.contains(active)) return true; // Its list may be open.
  return [...content.querySelectorAll("input, select")].some((one) => isChanged(/** @type {HTMLInputElement | HTMLSelectElement} */ (one)));
}

/** @param {HTMLInputElement | HTMLSelectElement} field */
export function isChanged(field) {
  if ("selectedIndex" in field) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

/**
 * @param {HTMLElement} content
 * @param {Element} active
 */
function placeOf(content, active) {
  const name = nameOf(active);
  return { name, index: steps(content).filter((one) => nameOf(one) === name).indexOf(/** @type {HTMLElement} */ (active)) };
}

/** @param {HTMLElement} content */
function steps(content) {
  return /** @type {HTMLElement[]} */ ([...content.querySelectorAll(STEPS)]);
}

/** @param {HTMLElement} content */
function scrolled(content) {
  return [...content.querySelectorAll(".scroll")];
}

/** @param {Element} one */
function nameOf(one) {
  return `${one.tagName} ${one.id} ${one.getAttribute("aria-label") ?? one.textContent}`;
}
