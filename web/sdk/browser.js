// @ts-check
/** Browser events: another network, and a page that goes. */

/**
 * Tell when the browser is online again, or on another network.
 * @param {() => void} changed
 * @returns {() => void} ends it
 */
export function onNetworkChange(changed) {
  const end = new AbortController();
  const { signal } = end;
  globalThis.addEventListener?.("online", changed, { signal });
  /** @type {any} only Chromium has it */
  const connection = /** @type {any} */ (globalThis.navigator)?.connection;
  let before = connection?.type;
  connection?.addEventListener(
    "change",
    () => {
      // It also tells of every new estimate of the same network's speed.
      const now = connection.type;
      if (now !== before && globalThis.navigator.onLine) changed();
      before = now;
    },
    { signal },
  );
  return () => end.abort();
}

/**
 * Give a seat back when its page goes, also where the page's own handlers come too late. Browsers bound the time of
 * `pagehide` handlers (Chromium gives all of them 500 ms, then ends the page without them), which a busy page misses;
 * what was given to `fetchLater` is the browser's own to send.
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
