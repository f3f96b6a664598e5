// @ts-check
/** Errors: the one error type of the SDK, made from the API's problem bodies or from a failed fetch. */

const RETRYABLE = new Set([0, 429, 502, 503, 504]);

/** What went wrong, with the API's own code where the API said it. */
export class CallplaneError extends Error {
  /**
   * @param {{status?: number, code?: string, title?: string, detail?: string, retryable?: boolean,
   *   request_id?: string, reason?: string, retryAfter?: number}} problem
   */
  constructor(problem) {
    const { status = 0, code = "internal", title = "Something went wrong", detail = "" } = problem;
    super(detail || title);
    this.name = "CallplaneError";
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.retryable = problem.retryable ?? RETRYABLE.has(status);
    this.requestId = problem.request_id ?? null;
    /** Why a seat is gone, with `join-again`. */
    this.reason = problem.reason ?? null;
    /** Seconds that the server asked to wait. */
    this.retryAfter = problem.retryAfter ?? null;
  }
}

/**
 * No answer at all: refused, reset, cut off or too slow.
 * @param {unknown} cause
 */
export function unreachable(cause) {
  const error = new CallplaneError({
    code: "unreachable",
    title: "The server cannot be reached",
    detail: cause instanceof Error ? cause.message : String(cause),
  });
  error.cause = cause;
  return error;
}

/**
 * Why a socket was closed: 4000 + the status of a problem, its code and, behind a colon, the reason.
 * @param {number} close
 * @param {string} words
 */
export function closedBecause(close, words) {
  if (close < 4400 || close > 4599) return null;
  const [code, reason] = words.split(": ");
  return new CallplaneError({ status: close - 4000, code, reason });
}

/**
 * Read a non-2xx answer; a proxy's HTML page becomes an error too.
 * @param {Response} response
 */
export async function refusal(response) {
  const text = await response.text().catch(() => "");
  /** @type {Record<string, any>} */
  let problem = {};
  try {
    const parsed = JSON.parse(text);
    if (parsed && typeof parsed === "object") problem = parsed;
  } catch {
    problem = { title: `The server answered ${response.status}` };
  }
  return new CallplaneError({
    ...problem,
    status: response.status,
    code: problem.code ?? `http-${response.status}`,
    retryAfter: seconds(response.headers.get("Retry-After")),
  });
}

/**
 * `Retry-After` is either a number of seconds or a date (RFC 9110, 10.2.3).
 * @param {string | null} value
 */
function seconds(value) {
  if (!value) return undefined;
  const number = Number(value);
  if (Number.isFinite(number)) return Math.max(0, number);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}
