// @ts-check
/** Network changes: tells when the browser is online again, or on another network. */

/**
 * @param {() => void} changed
 * @returns {() => void} ends it
 */
export function onNetworkChange(changed) {
  const end = new AbortController();
  const { signal } = end;
  globalThis.addEventListener?.("online", changed, { signal });
  /** @type {EventTarget | undefined} only Chromium has it */
  const connection = /** @type {any} */ (globalThis.navigator)?.connection;
  let before = kindOf(connection);
  connection?.addEventListener(
    "change",
    () => {
      // It also tells of every new estimate of the same network's speed.
      const now = kindOf(connection);
      if (now !== before && globalThis.navigator.onLine) changed();
      before = now;
    },
    { signal },
  );
  return () => end.abort();
}

/** @param {any} connection */
function kindOf(connection) {
  return connection?.type;
}
