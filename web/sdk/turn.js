// @ts-check
/** TURN credentials: read when they end, and asked for anew before that. */

/** Of what is left when they are read; a connection that begins later than that still has a while. */
const PART = 0.8;
/** Not sooner, however short they are good for; nor later than a timer of browsers can wait. */
const SOONEST = 10_000;
const LATEST = 2 ** 31 - 1;

/**
 * When the first of them ends, in milliseconds since 1970; Infinity where none does.
 * @param {RTCIceServer[]} servers whose usernames begin with the time of their end in seconds, as coturn's do
 */
export function endOf(servers) {
  const ends = servers.map(({ username = "" }) => Number(/^(\d{9,12})(:|$)/.exec(username)?.[1] ?? Infinity) * 1000);
  return Math.min(Infinity, ...ends);
}

/**
 * Ask for others in time, again and again.
 * @param {RTCIceServer[]} servers
 * @param {() => Promise<RTCIceServer[]>} ask rejects when there are none now: then it is asked later
 * @returns {() => void} ends it
 */
export function refreshing(servers, ask) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let ended = false;
  const plan = () => {
    const left = endOf(servers) - Date.now();
    if (ended || left === Infinity) return;
    timer = setTimeout(again, Math.min(LATEST, Math.max(SOONEST, left * PART)));
  };
  const again = async () => {
    servers = await ask().catch(() => servers);
    plan();
  };
  plan();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
