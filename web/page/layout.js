// @ts-check
/** Grid layout: how wide tiles may be so that all of them fit. */

const GAP = 12;
/** The caption below each picture. */
const CAPTION = 44;
const SMALLEST = 220;
/** A shared screen is twice as wide and high as a face: it takes the place of so many. */
export const SHARED = 4;

/**
 * The widest 16:9 tile (with its caption) with which `count` of them fit into the space.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 */
export function tileWidth(count, width, height) {
  let best = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const wide = (width - GAP * (columns - 1)) / columns;
    const high = (((height - GAP * (rows - 1)) / rows - CAPTION) * 16) / 9;
    best = Math.max(best, Math.min(wide, high));
  }
  // Where even the best is tiny the grid scrolls instead.
  return Math.floor(Math.min(width, Math.max(best, SMALLEST)));
}

/**
 * How many tiles stand beside each other.
 * @param {number} tile
 * @param {number} width
 */
export function columns(tile, width) {
  return Math.floor((width + GAP) / (tile + GAP));
}
