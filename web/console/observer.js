// @ts-check
/** Observer: takes a hidden seat and opens the call page with it in a tab of its own, whose end gives it back. */

import { Problem } from "./requests.js";
import { action } from "./tables.js";

/**
 * A seat that is in no list of the others, sends nothing, and is found in `hidden` by keys and moderators. It is joined by the
 * key itself: an access token of an operator's reaches the sessions of one tenant alone.
 * @param {import("./views.js").Context} context
 * @param {string} session its id
 */
export function observe({ requests, doing, say }, session) {
  const open = async (/** @type {Window | null} */ tab) => {
    try {
      if (!tab) throw new Problem({ status: 409, title: "This browser opens no tab for this page: allow it, and press again." });
      const body = { name: "Observer", role: "subscriber", identity: `console-${crypto.randomUUID()}`, grants: { hidden: true } };
      const { token } = await requests.call("POST", `/sessions/${encodeURIComponent(session)}/participants`, body);
      tab.opener = null;
      tab.location.replace(link(session, token));
    } catch (error) {
      tab?.close();
      throw error;
    }
    say("The call is open in another tab, whose seat ends with it.");
  };
  return action("Open as hidden observer", () => {
    // At once: of a tab that is opened later, browsers say that nobody has clicked for it.
    const tab = window.open("about:blank");
    doing({ words: "Open the call as a hidden observer", act: () => open(tab) });
  });
}

/**
 * The token is in the fragment, which no server and no log sees, and the call page takes it out of the address at once. It is
 * good for that seat alone, and as long as somebody sits there.
 * @param {string} session
 * @param {string} token
 */
export function link(session, token) {
  const page = new URL("./", document.baseURI);
  page.search = `${new URLSearchParams({ session, name: "Observer", source: "none", auto: "1" })}`;
  page.hash = `access_token=${token}`;
  return page.href;
}
