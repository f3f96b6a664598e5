// @ts-check
/** The call page: from the address to the lobby to the call, and back. */

import { accessToken, opened } from "./address.js"; // The first of all: it takes the token out of the address bar.

import { Callplane } from "../sdk/index.js";
import { Call } from "./call.js";
import { offerCheck } from "./check.js";
import { DeviceChoice } from "./devices.js";
import { part } from "./dom.js";
import { offerElsewhere, reachWords, sessionOf } from "./elsewhere.js";
import { Inspector } from "./inspector.js";
import { openSource } from "./media.js";
import { beforeClick, linkTo, readOptions, readRoom, shared } from "./options.js";
import { Preview } from "./preview.js";
import { Screen } from "./screen.js";
import { Sharing } from "./sharing.js";
import { listen } from "./shortcuts.js";
import { errorWords, sleptWords } from "./texts.js";

/** Trying to join the same call again would only bring the same answer. */
const FINAL = new Set(["not-found", "session-closed", "kicked"]);

const options = readOptions(opened);
options.room ||= sessionOf(accessToken);
const callplane = new Callplane({ accessToken, baseUrl: options.server });
const screen = new Screen();
const choice = new DeviceChoice();
const preview = new Preview({ chosen: () => choice.chosen, shown: () => void choice.show() });
const inspector = new Inspector(() => call?.session ?? null);
/** @type {Call | null} */
let call = null;
/** @type {{id: string, token: string} | null} the seat that goes on in another tab, to be used here again */
let taken = null;

/** @param {import("./options.js").Options["room"]} text */
async function find(text) {
  const room = readRoom(text);
  return room && "id" in room ? room : callplane.createSession(room ?? {});
}

/** A link may say that nothing is sent; what is sent otherwise, its user says. */
function chosenSource() {
  return options.source === "none" ? "none" : screen.wishes.source;
}

async function enter() {
  const { name, room } = screen.wishes;
  const kind = chosenSource();
  if (!globalThis.RTCPeerConnection) {
    return screen.lobbyNotice("This browser has no WebRTC. Use a current Chrome, Edge, Firefox or Safari.");
  }
  screen.busy(true);
  screen.lobbyNotice("");
  const here = taken;
  taken = null;
  /** @type {import("./media.js").Source | null} */
  let source = null;
  try {
    const unreached = options.server ? await reachWords(options.server) : null;
    if (unreached) {
      taken = here;
      return screen.lobbyNotice(unreached);
    }
    const finding = here ? Promise.resolve(here) : find(room);
    finding.catch(() => {}); // It is told below, when there is a picture or none.
    source = preview.take() ?? (await openSource(kind, name || "Guest", choice.chosen));
    void choice.show(); // Who was allowed a device is told their names.
    const session = await finding;
    const { transport, role } = options;
    const seat = callplane.seat(session.id, { name, role, leaveWithPage: true, transport, token: here?.token });
    call = new Call(callplane, seat, source, screen, (how) => void ended(seat, how));
    screen.enterCall();
    await call.start();
    showAddress();
  } catch (error) {
    source?.stop();
    call = null;
    // The other tab has left in the meantime: there is another seat.
    if (here && /** @type {any} */ (error).code === "join-again") return void enter();
    screen.over(errorWords(error), { again: !FINAL.has(/** @type {any} */ (error).code) });
  } finally {
    screen.busy(false);
  }
}

/**
 * What is to be done when a call is over, but for what somebody does by hand.
 * @param {import("../sdk/index.js").Session} seat
 * @param {{elsewhere: boolean, slept: boolean}} how
 */
async function ended({ id, token }, { elsewhere, slept }) {
  if (elsewhere) taken = { id, token };
  if (!slept) return;
  await enter();
  if (call?.session.state === "connected") screen.notice(sleptWords());
}

/** From now on the address is the link to this call; it names no token. */
function showAddress() {
  if (!call) return;
  const link = linkTo(location.href, /** @type {any} */ (call.session.info));
  history.replaceState(null, "", link);
  /** @type {HTMLInputElement} */ (document.getElementById("room")).value = link;
}

const { buttons } = screen;
screen.prepare(options);
offerElsewhere(options, () => screen.wishes);
screen.form.addEventListener("submit", (event) => {
  event.preventDefault();
  void enter();
});
buttons.mic.addEventListener("click", () => void call?.toggle("audio"));
buttons.camera.addEventListener("click", () => void call?.toggle("video"));
buttons.share.hidden = !Sharing.possible;
buttons.share.addEventListener("click", () => void call?.toggleScreen());
buttons.shareElse.addEventListener("click", () => void call?.changeScreen());
buttons.hand.addEventListener("click", () => void call?.toggleHand());
buttons.companion.addEventListener("click", () => void call?.toggleCompanion());
buttons.sound.addEventListener("click", () => void call?.playSound());
buttons.again.addEventListener("click", () => call?.session.restart());
buttons.copy.addEventListener("click", () => void screen.copy(shared(location.href, accessToken)));
part("pictures-only").addEventListener("click", () => call?.togglePicturesOnly());
buttons.leave.addEventListener("click", () => void call?.leave());
listen({ inCall: () => screen.inCall, escape: () => screen.panels.close(), inspect: () => inspector.toggle() });
offerCheck(callplane);
// A sound that is made here needs a click before it starts; any will do.
addEventListener("pointerdown", () => void call?.resume());
addEventListener("keydown", () => void call?.resume());
// A page from the back-forward cache comes with a seat that was given back.
addEventListener("pageshow", (event) => event.persisted && location.reload());

/** For tests and for the curious at the console. */
Object.assign(globalThis, {
  callplane: {
    get session() {
      return call?.session ?? null;
    },
    get companion() {
      return call?.companion?.session ?? null;
    },
    get state() {
      return call?.session.state ?? "lobby";
    },
    get participants() {
      return call?.session.participants ?? [];
    },
    stats: async () => (await call?.session.stats()) ?? {},
    leave: () => call?.leave(),
  },
});

const first = beforeClick(options, chosenSource());
if (first === "join") void enter();
else {
  if (first === "ask") screen.lobbyNotice("Press Join to send your camera and microphone. No link does that by itself.");
  void preview.openIfAllowed();
}
