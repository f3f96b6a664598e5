// @ts-check
/** Break something: servers that `callplane up` has started are really killed, and what happens then is followed. */

import { make } from "../page/dom.js";
import { action, badge, table } from "./tables.js";

/**
 * @typedef {{id: string, name: string, state: string, effect: string, away_seconds: number | null, page: string | null}} Server
 * @typedef {{servers: string[], reconnecting: number, moves: number}} Seen `moves`: epochs that the twenty most moved sessions have lost
 * @typedef {{name: string, id: string, at: number, moves: number, course: {after: number, words: string}[], over: boolean}} Broken `at`: in milliseconds
 */

/** @param {import("./views.js").Context} context */
export async function faults({ requests, doing, kept }) {
  const [{ servers, note }, open, pool] = await Promise.all(["/faults", "/overview", "/media-servers"].map((path) => requests.get(path)));
  const seen = {
    servers: pool.media_servers.map((/** @type {any} */ one) => `${one.name} is ${one.state}`),
    reconnecting: open.reconnecting.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.reconnecting, 0),
    moves: open.most_moved.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.epoch - 1, 0),
  };
  /** @type {Broken | undefined} */
  const broken = kept.get("broken");
  if (broken) follow(broken, servers, seen, performance.now());
  const kill = (/** @type {Server} */ one) => ({
    words: `Kill ${one.name}`,
    danger: true,
    act: async () => {
      await requests.call("POST", `/faults/${encodeURIComponent(one.id)}/kill`);
      kept.set("broken", { name: one.name, id: one.id, at: performance.now(), moves: seen.moves, course: [], over: false });
    },
  });
  const start = (/** @type {Server} */ one) => ({ words: `Start ${one.name}`, act: () => requests.call("POST", `/faults/${encodeURIComponent(one.id)}/start`) });
  const rows = servers.map((/** @type {Server} */ one) => [
    one.name,
    badge(one.state),
    one.away_seconds === null ? "-" : `${one.away_seconds.toFixed(1)} s`,
    one.effect,
    make("span", { class: "row" }, ...acts(one, () => doing(kill(one)), () => doing(start(one)))),
  ]);
  return [
    make("p", { class: "lead" }, note),
    table(["What", "State", "Away for", "What is to be seen", ""], rows, "Nothing of this run can be killed."),
    make("h2", {}, "Calls just now"),
    make("p", {}, words(seen)),
    ...(broken ? story(broken) : []),
  ];
}

/**
 * @param {Server} one
 * @param {() => void} kill
 * @param {() => void} start
 */
function acts(one, kill, start) {
  if (one.state === "off") return [action(`Start ${one.name}`, start)];
  if (one.state !== "up") return [];
  const page = one.page ? [make("a", { href: one.page, target: "_blank", rel: "noopener" }, "Its page")] : [];
  return [...page, action(`Kill ${one.name}`, kill, "danger")];
}

/** @param {Seen} seen */
function words({ servers, reconnecting, moves }) {
  const people = reconnecting === 1 ? "1 person is reconnecting" : reconnecting ? `${reconnecting} people are reconnecting` : "nobody is reconnecting";
  return [...(servers.length ? servers : ["no media server is known"]), people, `${times(moves)} so far`].join("; ");
}

/**
 * Write down what is new since the last look, until all is well again.
 * @param {Broken} broken
 * @param {Server[]} servers
 * @param {Seen} seen
 * @param {number} now in milliseconds
 */
export function follow(broken, servers, seen, now) {
  if (broken.over) return;
  const after = (now - broken.at) / 1000;
  const state = servers.find((one) => one.id === broken.id)?.state ?? "off";
  const line = `${broken.name} is ${state}; ${words(seen)}`;
  if (broken.course.at(-1)?.words !== line) broken.course.push({ after, words: line });
  // The figures are told again for two seconds, and a loss is told after some: before that nothing is known yet.
  if (after > SETTLED && state === "up" && !seen.reconnecting && seen.servers.every((one) => !one.endsWith(" is down"))) {
    broken.over = true;
    broken.course.push({ after: broken.course.at(-1)?.after ?? after, words: `It is up and everybody is connected again; ${times(seen.moves - broken.moves)}` });
  }
}

/** @param {number} moves */
function times(moves) {
  return moves === 1 ? "1 move of a session" : `${moves} moves of sessions`;
}

/** Seconds after which a kill has shown its effects, if it has any. */
const SETTLED = 8;

/** @param {Broken} broken */
function story(broken) {
  const lines = broken.course.map(({ after, words: line }) => make("li", {}, `${after.toFixed(1)} s: ${line}`));
  return [make("h2", {}, `Since ${broken.name} was killed`), make("ul", {}, ...lines)];
}
