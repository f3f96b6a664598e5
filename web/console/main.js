// @ts-check
/** Operations console: a key, a view by the address, drawn anew every few seconds while somebody looks. */

import { make, part } from "../page/dom.js";
import { isBusy, redraw } from "./drawing.js";
import { Problem, Requests, inOtherWords } from "./requests.js";
import { VIEWS, wanted } from "./views.js";

/** Where the key is kept: in this tab only. */
const KEPT = "callplane.key";
/** Kept there as well where the key is of a `callplane up`: only its API lets servers be killed. */
const OF_UP = "callplane.up";

/** Of so many views it is remembered where in it one was, and what was read. */
const VIEWS_KEPT = 8;

/** @type {Requests | null} */
let requests = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let turn = 0;
let shown = "";
let isPressing = false;
/** @type {Map<string, import("./charts.js").Point[]>} */
const followed = new Map();
/** @type {Map<string, Map<string, any>>} by view */
const kept = new Map();

function signIn(/** @type {string} */ text = "") {
  requests = null;
  forget();
  for (const name of [KEPT, OF_UP]) sessionStorage.removeItem(name);
  for (const id of ["view", "views", "sign-out"]) part(id).hidden = true;
  part("sign-in").hidden = false;
  part("sign-in-notice").hidden = !text;
  part("sign-in-notice").textContent = text;
  part("key").focus();
}

/** Another key may see less: nothing that the last one has read stays. */
function forget() {
  clearTimeout(timer);
  turn += 1;
  shown = "";
  kept.clear();
  followed.clear();
  for (const id of ["content", "same-lines"]) part(id).replaceChildren();
}

function signedIn(/** @type {string} */ key) {
  forget();
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

/** @param {{evenIfBusy?: boolean}} [how] what is written and chosen in forms goes then */
async function draw({ evenIfBusy = false } = {}) {
  if (!requests) return;
  clearTimeout(timer);
  const mine = ++turn;
  const { name, ids } = wanted(location.hash);
  const here = [name, ...ids].join("/");
  if (here !== shown) begin(name);
  shown = here;
  const own = keptOf(here);
  try {
    const nodes = await VIEWS[name].load({ requests, say, doing, go, once, history: followed, kept: own }, ...ids);
    if (mine !== turn) return;
    const waits = !evenIfBusy && (isPressing || isBusy(part("content")));
    if (!waits) redraw(part("content"), nodes);
    part("fresh").textContent = waits ? "stands still while something is written or marked" : `as of ${new Date().toLocaleTimeString()}`;
    part("notice").hidden = true;
  } catch (error) {
    if (mine !== turn) return;
    failed(error, "notice");
  }
  showSame();
  if (requests) timer = setTimeout(() => (document.visibilityState === "visible" ? void draw() : undefined), (own.get("every") ?? VIEWS[name].every) * 1000);
}

/** @param {string} here the view with its ids; the last few are remembered */
function keptOf(here) {
  const own = kept.get(here) ?? new Map();
  kept.delete(here);
  kept.set(here, own);
  for (const old of [...kept.keys()].slice(0, -VIEWS_KEPT)) kept.delete(old);
  return own;
}

/**
 * Another view: nothing of the last one stays.
 * @param {string} name
 */
function begin(name) {
  const { title, within } = VIEWS[name];
  requests?.begin();
  part("view-title").textContent = title;
  part("content").replaceChildren();
  part("outcome").hidden = true;
  document.title = `${title} - Callplane console`;
  const links = Object.entries(VIEWS).filter(([one, view]) => !view.within && (one !== "faults" || sessionStorage.getItem(OF_UP)));
  /** @type {(one: string) => Record<string, string>} */
  const current = (one) => (one === (within ?? name) ? { "aria-current": "page" } : {});
  part("views").replaceChildren(...links.map(([one, { title: words }]) => make("a", { href: `#/${one}`, ...current(one) }, words)));
}

/** @param {string} [view] another than this one */
function go(view) {
  if (view && `#/${view}` !== location.hash) location.hash = `#/${view}`;
  else void draw({ evenIfBusy: true });
}

/**
 * @param {unknown} error
 * @param {"notice" | "outcome"} where `notice`: of the view, until it is drawn again; `outcome`: of what was done, which stays
 */
function failed(error, where) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 401) return signIn("The server does not know this key.");
  tell(where, where === "notice" ? words(error) : error.message);
  // What is shown may not be seen or is not there any more, and cannot be changed.
  if (where === "notice" && [403, 404].includes(error.status)) part("content").replaceChildren();
}

/** @param {Problem} error */
function words({ status, message }) {
  if (![403, 404].includes(status)) return message;
  const needsOperator = status === 403 || VIEWS[wanted(location.hash).name].operators;
  return needsOperator ? "This key may not see that: it needs an operator's." : "That is not there, or not this key's.";
}

/** @param {string} text of what was done */
function say(text) {
  tell("outcome", text);
}

/**
 * @param {"notice" | "outcome"} where
 * @param {string} text
 */
function tell(where, text) {
  part(where).textContent = text;
  part(where).hidden = false;
}

/** @param {import("./views.js").Act} act */
async function doing({ words: about, act, danger = false }) {
  if (danger && !(await isSure(about))) return;
  part("outcome").hidden = true;
  try {
    await act();
    await draw({ evenIfBusy: true });
  } catch (error) {
    failed(error, "outcome");
  }
}

/** @param {string} about */
async function isSure(about) {
  const dialog = /** @type {HTMLDialogElement} */ (part("sure"));
  part("sure-words").textContent = `${about}?`;
  part("sure-yes").textContent = about;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

/**
 * Show a secret that nobody shows again; it leaves the page with the dialog.
 * @param {string} about
 * @param {string} secret
 */
function once(about, secret) {
  const dialog = /** @type {HTMLDialogElement} */ (part("once"));
  part("once-words").textContent = `${about}: it is shown this once.`;
  part("once-secret").textContent = secret;
  dialog.addEventListener("close", () => (part("once-secret").textContent = ""), { once: true });
  dialog.showModal();
}

function showSame() {
  const lines = [...(requests?.asked.values() ?? [])].flatMap((request) =>
    Object.entries(inOtherWords(request, location.origin)).map(([language, code]) =>
      make("figure", {}, make("figcaption", {}, `${language}: ${request.method} ${request.path}`), make("pre", { tabindex: "0" }, code)),
    ),
  );
  const text = lines.map((one) => one.textContent).join("");
  if (text !== part("same-lines").textContent && !isBusy(part("same-lines"))) redraw(part("same-lines"), lines);
}

part("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (part("key"));
  const key = field.value.trim();
  field.value = "";
  if (key) signedIn(key);
});
part("sign-out").addEventListener("click", () => signIn());
part("once-copy").addEventListener("click", () => void navigator.clipboard.writeText(part("once-secret").textContent ?? ""));
addEventListener("hashchange", () => {
  const key = keyOfLink();
  if (key) signedIn(key);
  else void draw();
});
// A button that is pressed is not taken from under the pointer.
part("content").addEventListener("pointerdown", () => (isPressing = true));
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressing = false));
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void draw());

const before = keyOfLink() ?? sessionStorage.getItem(KEPT);
if (before) signedIn(before);
else signIn();
