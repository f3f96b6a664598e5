// @ts-check
/** Page address: reads what the page was opened with; a token leaves the address bar before anything else happens. */

const KEPT = "callplane.access-token";

/** What the link said, with its token: `location` does not have that any more. */
export const opened = { search: location.search, hash: location.hash };

const fragment = new URLSearchParams(opened.hash.slice(1));
const given = fragment.get("access_token");
// A token is for the server that it was given with, and goes to no other.
const server = new URLSearchParams(opened.search).get("server");
const place = server ? `${KEPT} ${server}` : KEPT;
if (given) {
  fragment.delete("access_token");
  const rest = fragment.toString();
  history.replaceState(null, "", `${location.pathname}${location.search}${rest ? `#${rest}` : ""}`);
}

/** @type {string | null} the access token of the link, or of the one that this tab was opened with earlier */
export const accessToken = given ?? kept(() => sessionStorage.getItem(place));

// Kept for this tab alone, so that a reload does not shut its user out.
if (given) kept(() => sessionStorage.setItem(place, given));

/**
 * Where a browser blocks storage, even looking at it throws: then a reload needs the link again.
 * @template T
 * @param {() => T} use
 */
function kept(use) {
  try {
    return use();
  } catch {
    return null;
  }
}
