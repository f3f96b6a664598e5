// @ts-check
/** Requests of the console: to the API with the key, and how the same is asked by curl, JavaScript and Python. */

export const BASE = "/v1";

/** What the API refused, in its own words. */
export class Problem extends Error {
  /** @param {{status: number, code?: string, title?: string, detail?: string}} problem */
  constructor({ status, code = "", title = "", detail = "" }) {
    super(detail || title || `The server answered ${status}`);
    this.status = status;
    this.code = code;
  }
}

export class Requests {
  #key;
  #fetch;
  /** @type {Map<string, {method: string, path: string, body?: unknown}>} what was asked since `begin`, each once */
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
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>} null where there is no body
   */
  async call(method, path, body) {
    this.asked.set(`${method} ${path}`, { method, path, body });
    /** @type {Record<string, string>} */
    const headers = { "X-API-Key": this.#key };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const answer = await this.#fetch(BASE + path, init).catch(() => {
      throw new Problem({ status: 0, title: "The server cannot be reached." });
    });
    const text = await answer.text();
    const parsed = parse(text);
    if (!answer.ok) throw new Problem({ ...parsed, status: answer.status });
    return parsed;
  }
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
  const data = json ? ` \\\n  -H 'Content-Type: application/json' -d '${json.replaceAll("'", "'\\''")}'` : "";
  const verb = method === "GET" ? "" : `-X ${method} `;
  return {
    curl: `curl ${verb}-H "X-API-Key: $CALLPLANE_API_KEY"${data} '${url}'`,
    JavaScript:
      `await (await fetch(${JSON.stringify(url)}, { method: "${method}",\n` +
      `  headers: { "X-API-Key": key${json ? ', "Content-Type": "application/json"' : ""} }` +
      `${json ? `,\n  body: JSON.stringify(${json})` : ""} })).json()`,
    Python:
      `httpx.request("${method}", ${JSON.stringify(url)},\n` +
      `    headers={"X-API-Key": key}${json ? `,\n    content=${JSON.stringify(json)}` : ""}).json()`,
  };
}
