// @ts-check
/** Unloading: gives a seat back when its page goes, also where the page's own handlers come too late. */

/**
 * Leave with the page. Browsers bound the time of `pagehide` handlers (Chromium gives all of them 500 ms, then ends the
 * page without them), which a busy page misses; what was given to `fetchLater` is the browser's own to send.
 * @param {import("./http.js").Http} http
 * @param {{path: string, token: string, leave: () => unknown}} seat `path` is deleted; `leave` does so from the page
 * @returns {() => void} the seat is gone: nothing is to be done any more
 */
export function leavingWithPage(http, { path, token, leave }) {
  const end = new AbortController();
  http.later("DELETE", path, { token, signal: end.signal });
  globalThis.addEventListener?.("pagehide", () => void leave(), { signal: end.signal });
  return () => end.abort();
}
