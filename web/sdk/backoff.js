// @ts-check
/** Back-off: waits before another try, jittered so that many clients do not return in step. */

/**
 * How long to wait before try number `attempt` (0 is the first repeat), in milliseconds.
 * @param {number} attempt
 * @param {{base?: number, cap?: number, random?: () => number}} [options]
 * @returns {number}
 */
export function jittered(attempt, { base = 200, cap = 5000, random = Math.random } = {}) {
  const ceiling = Math.min(cap, base * 2 ** Math.min(attempt, 16));
  return ceiling / 4 + random() * ceiling * 0.75;
}

/**
 * Resolve after `ms` milliseconds; reject with the signal's reason when it is aborted first.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener("abort", cut);
      resolve();
    }
    function cut() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", cut, { once: true });
  });
}
