// @ts-check
/** Operations console: a key, a view by the address, drawn anew every few seconds while somebody looks. */

import { make, part } from "../page/dom.js";
import { Problem, Requests, inOtherWords } from "./requests.js";
import { VIEWS } from "./views.js";

/** Where the key is kept: in this tab only. */
const KEPT = "callplane.key";
/** Kept there as well where the key is of a `callplane up`: only its API lets servers be killed. */
const OF_UP = "callplane.up";

/** @type {Requests | null} */
let requests = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let turn = 0;
let shown = "";
const followed = new Map();
/** @type {Map<string, Map<string, any>>} by view */
const kept = new Map();

function signIn(/** @type {string} */ words = "") {
  requests = null;
  clearTimeout(timer);
  for (const kept of [KEPT, OF_UP]) sessionStorage.removeItem(kept);
  for (const id of ["view", "views", "sign-out"]) part(id).hidden = true;
  part("sign-in").hidden = false;
  part("sign-in-notice").hidden = !words;
  part("sign-in-notice").textContent = words;
  part("key").focus();
}

function signedIn(/** @type {string} */ key) {
  requests = new Requests(key);
  sessionStorage.setItem(KEPT, key);
  part("sign-in").hidden = true;
  for (const id of ["view", "views", "sign-out"]) part(id).hidden = false;
  void draw();
}

/** The link that `callplane up` prints has the key of that run, which leaves the address bar before anything is drawn. */
function keyOfLink() {
  const said = new URLSearchParams(location.hash.slice(1));
  const key = said.get("key");
  if (key) history.replaceState(null, "", location.pathname);
  if (key && said.has("up")) sessionStorage.setItem(OF_UP, "1");
  return key;
}

/** The view that the address names, and the id in it. */
function wanted() {
  const [name, id = ""] = location.hash.replace(/^#\//, "").split("/");
  return VIEWS[name] ? { name, id: decodeURIComponent(id) } : { name: "overview", id: "" };
}

async function draw() {
  if (!requests) return;
  clearTimeout(timer);
  const mine = ++turn;
  const { name, id } = wanted();
  const view = VIEWS[name];
  const here = `${name}/${id}`;
  if (here !== shown) begin(name, view.title);
  shown = here;
  if (!kept.has(here)) kept.set(here, new Map());
  requests.begin();
  try {
    const nodes = await view.load({ requests, say, doing, history: followed, kept: kept.get(here) ?? new Map() }, id);
    if (mine !== turn) return;
    if (!isBusy()) part("content").replaceChildren(...nodes);
    part("fresh").textContent = `as of ${new Date().toLocaleTimeString()}`;
    part("notice").hidden = true;
  } catch (error) {
    if (mine !== turn) return;
    failed(error);
  }
  showSame();
  timer = setTimeout(() => (document.visibilityState === "visible" ? void draw() : undefined), view.every * 1000);
}

/**
 * @param {string} name
 * @param {string} title
 */
function begin(name, title) {
  part("view-title").textContent = title;
  part("content").replaceChildren();
  document.title = `${title} - Callplane console`;
  const hidden = ["session", "webhook", ...(sessionStorage.getItem(OF_UP) ? [] : ["faults"])];
  const links = Object.entries(VIEWS).filter(([one]) => !hidden.includes(one));
  part("views").replaceChildren(
    ...links.map(([one, { title: words }]) => make("a", { href: `#/${one}`, ...(one === name ? { "aria-current": "page" } : {}) }, words)),
  );
}

/** What somebody is typing is not taken away. */
function isBusy() {
  const active = document.activeElement;
  return active instanceof HTMLInputElement && part("content").contains(active) && active.value !== active.defaultValue;
}

/** @param {unknown} error */
function failed(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 401) return signIn("The server does not know this key.");
  if (error.status === 403) return say("This key may not see that: it needs an operator's.");
  if (error.status === 404) return say("That is not there, or not this key's.");
  say(error.message);
}

/** @param {string} words */
function say(words) {
  part("notice").textContent = words;
  part("notice").hidden = false;
}

/** @param {import("./views.js").Act} act */
async function doing({ words, act, danger = false }) {
  if (danger && !(await isSure(words))) return;
  try {
    await act();
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    await draw();
  } catch (error) {
    failed(error);
  }
}

/** @param {string} words */
async function isSure(words) {
  const dialog = /** @type {HTMLDialogElement} */ (part("sure"));
  part("sure-words").textContent = `${words}?`;
  part("sure-yes").textContent = words;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

function showSame() {
  const lines = [...(requests?.asked.values() ?? [])].flatMap((request) =>
    Object.entries(inOtherWords(request, location.origin)).map(([language, code]) =>
      make("figure", {}, make("figcaption", {}, `${language}: ${request.method} ${request.path}`), make("pre", { tabindex: "0" }, code)),
    ),
  );
  if (!(/** @type {HTMLDetailsElement} */ (part("same")).open)) part("same-lines").replaceChildren(...lines);
}

part("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (part("key"));
  const key = field.value.trim();
  field.value = "";
  if (key) signedIn(key);
});
part("sign-out").addEventListener("click", () => signIn());
addEventListener("hashchange", () => {
  const key = keyOfLink();
  if (key) signedIn(key);
  else void draw();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void draw());

const before = keyOfLink() ?? sessionStorage.getItem(KEPT);
if (before) signedIn(before);
else signIn();
