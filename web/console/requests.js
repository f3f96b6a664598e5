// @ts-check
/** Requests of the console: to the API with the key, and how the same is asked by curl, JavaScript and Python. */

export const BASE = "/v1";
/** Milliseconds; longer than the API waits for any command. */
const ANSWERED_WITHIN = 30_000;

/** What the API refused, in its own words. */
export class Problem extends Error {
  /** @param {{status: number, code?: string, title?: string, detail?: string}} problem */
  constructor({ status, code = "", title = "", detail = "" }) {
    super(detail || title || `The server answered ${status}`);
    this.status = status;
    this.code = code;
  }
}

/**
 * The answer, or null where there is nothing for this key: what only operators see is, for others, not there.
 * @param {Promise<any>} answer
 * @returns {Promise<any>}
 */
export function orNothing(answer) {
  return answer.catch((error) => (error instanceof Problem && [403, 404].includes(error.status) ? null : Promise.reject(error)));
}

export class Requests {
  #key;
  #fetch;
  /** @type {Map<string, {method: string, path: string, body?: unknown}>} what the view has asked, the last of each kind */
  asked = new Map();

  /**
   * @param {string} key
   * @param {typeof fetch} [fetching]
   */
  constructor(key, fetching = (...args) => fetch(...args)) {
    this.#key = key;
    this.#fetch = fetching;
  }

  /** Another view: what was asked before belongs to the last one. */
  begin() {
    this.asked = new Map();
  }

  /**
   * @param {string} path below the version
   * @returns {Promise<any>}
   */
  async get(path) {
    return this.call("GET", path);
  }

  /**
   * Ask, but for what was answered less than so many milliseconds ago.
   * @param {Map<string, any>} kept where answers are kept
   * @param {string} path
   * @param {number} [within]
   * @returns {Promise<any>} null where there is nothing for this key
   */
  async seldom(kept, path, within = 15_000) {
    const { at, answer } = kept.get(path) ?? { at: -Infinity, answer: null };
    if (performance.now() - at < within) return answer;
    const fresh = await orNothing(this.get(path));
    kept.set(path, { at: performance.now(), answer: fresh });
    return fresh;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>} null where there is no body
   */
  async call(method, path, body) {
    const answer = await this.#ask(method, path, body);
    const text = await answer.text().catch(unreachable);
    const parsed = parse(text);
    if (!answer.ok) throw new Problem({ ...parsed, status: answer.status });
    return parsed;
  }

  /**
   * What an answer says while it comes.
   * @param {string} path
   * @returns {AsyncGenerator<string>}
   */
  async *parts(path) {
    const answer = await this.#ask("GET", path);
    if (!answer.ok || !answer.body) throw new Problem({ ...parse(await answer.text().catch(unreachable)), status: answer.status });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read().catch(unreachable);
        if (done) return;
        yield value;
      }
    } finally {
      void reader.cancel().catch(() => {});
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async #ask(method, path, body) {
    this.asked.set(kindOf(method, path), { method, path, body });
    /** @type {Record<string, string>} */
    const headers = { "X-API-Key": this.#key };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(ANSWERED_WITHIN) };
    return this.#fetch(BASE + path, init).catch(unreachable);
  }
}

/** @returns {never} */
function unreachable() {
  throw new Problem({ status: 0, title: "The server cannot be reached." });
}

/**
 * The same question about another part is of one kind: a cursor moves on each time.
 * @param {string} method
 * @param {string} path
 */
function kindOf(method, path) {
  const [bare, query = ""] = path.split("?");
  return `${method} ${bare} ${[...new URLSearchParams(query).keys()].sort()}`;
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return {}; // A proxy's page.
  }
}

/**
 * One request in three languages; the key is named and never shown.
 * @param {{method: string, path: string, body?: unknown}} request
 * @param {string} origin
 */
export function inOtherWords({ method, path, body }, origin) {
  const url = `${origin}${BASE}${path}`;
  const json = body === undefined ? "" : JSON.stringify(body);
  const data = json ? ` \\\n  -H 'Content-Type: application/json' -d '${inShell(json)}'` : "";
  const verb = method === "GET" ? "" : `-X ${method} `;
  return {
    curl: `curl ${verb}-H "X-API-Key: $CALLPLANE_API_KEY"${data} '${inShell(url)}'`,
    JavaScript:
      `await (await fetch(${JSON.stringify(url)}, { method: "${method}",\n` +
      `  headers: { "X-API-Key": key${json ? ', "Content-Type": "application/json"' : ""} }` +
      `${json ? `,\n  body: JSON.stringify(${json})` : ""} })).json()`,
    Python:
      `httpx.request("${method}", ${JSON.stringify(url)},\n` +
      `    headers={"X-API-Key": key${json ? ', "Content-Type": "application/json"' : ""}}${json ? `,\n    content=${JSON.stringify(json)}` : ""}).json()`,
  };
}

/** @param {string} text between single quotes */
function inShell(text) {
  return text.replaceAll("'", "'\\''");
}
