import assert from "node:assert/strict";
import { test } from "node:test";

import { linkElsewhere, reachWords, sessionOf } from "../../../web/page/elsewhere.js";
import { withhold } from "../../../web/page/media.js";
import { linkTo, readOptions, serverOf } from "../../../web/page/options.js";
import { elsewhereWords, stateWords, ungrantedWords } from "../../../web/page/texts.js";

const token = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

test("another server is an origin, whatever of its address was pasted", () => {
  assert.equal(serverOf("https://calls.example.org"), "https://calls.example.org");
  assert.equal(serverOf(" Calls.example.org:8443/?session=x "), "https://calls.example.org:8443");
  assert.equal(serverOf("http://localhost:8080/"), "http://localhost:8080");
  for (const odd of ["", "  ", "javascript:alert(1)", "ftp://a.example", "https://ann@calls.example.org", "https://", "a b", "data:,x"]) {
    assert.equal(serverOf(odd), null, odd);
  }
});

test("it stands in the query, which the page's own server reads, and nowhere else", () => {
  const options = readOptions({ search: "?server=https%3A%2F%2Fcalls.example.org&session=x", hash: "" });
  assert.equal(options.server, "https://calls.example.org");
  assert.equal(readOptions({ search: "", hash: "#server=https://calls.example.org" }).server, undefined);
  assert.equal(readOptions({ search: "?server=javascript:alert(1)", hash: "" }).server, undefined);
});

test("the form's link has the token where no server is told of it", () => {
  const page = "http://localhost:8080/?session=old&auto=1#access_token=old";
  const link = new URL(linkElsewhere(page, { server: "https://calls.example.org", token: "a.b.c", session: "", name: "Ann" }));
  assert.equal(link.search, "?server=https%3A%2F%2Fcalls.example.org&name=Ann");
  assert.equal(link.hash, "#access_token=a.b.c");
  const home = linkElsewhere(page, { server: "http://localhost:8080", token: "", session: "daily", name: "" });
  assert.equal(home, "http://localhost:8080/?session=daily");
});

test("the link of a call is on the server that the call is on, without the token", () => {
  const page = "http://localhost:8080/?server=https%3A%2F%2Fcalls.example.org#access_token=jwt";
  assert.equal(linkTo(page, { id: "x", custom_id: "daily" }), "http://localhost:8080/?server=https%3A%2F%2Fcalls.example.org&session=daily");
});

test("a token says which session it is for, unless it is for all", () => {
  assert.equal(sessionOf(token({ session: "daily" })), "daily");
  assert.equal(sessionOf(token({ session: "téléphone" })), "téléphone");
  for (const none of [token({ session: "*" }), token({}), token({ session: 4 }), "open-abc", "", null, "a.%%%.b"]) assert.equal(sessionOf(none), "");
});

test("a server that answers but lets this page in by no CORS is told from one that does not answer", async () => {
  globalThis.location = { origin: "http://localhost:8080", protocol: "http:" };
  const asked = [];
  const server = (modes) => {
    globalThis.fetch = async (url, { mode, credentials }) => {
      asked.push([url, mode, credentials]);
      if (!modes.includes(mode)) throw new TypeError("Failed to fetch");
      return new Response("{}");
    };
    return reachWords("https://calls.example.org");
  };
  assert.equal(await server(["cors", "no-cors"]), null);
  assert.match(await server(["no-cors"]), /adds http:\/\/localhost:8080 to its setting CALLPLANE_CORS_ORIGINS/);
  assert.match(await server([]), /does not answer/);
  assert.ok(asked.every(([url, , credentials]) => url.startsWith("https://calls.example.org/sdk/") && credentials === "omit"));
  globalThis.location = { origin: "https://page.example", protocol: "https:" };
  assert.match(await reachWords("http://calls.example.org"), /at https may use no server at http/);
  assert.equal(elsewhereWords("odd", { server: "", origin: "" }).includes("https://calls.example.org"), true);
});

const tracks = () => ["audio", "video"].map((kind) => ({ kind, stopped: false, stop() { this.stopped = true; } }));
const stream = (all) => {
  const left = new Set(all);
  return { getTracks: () => [...left], removeTrack: (track) => left.delete(track) };
};

test("what a seat may not send is let go of, by its grants, or else by its role", () => {
  const cases = [
    [{ role: "publisher", grants: null }, []],
    [{ role: "moderator" }, []],
    [{ role: "subscriber" }, ["audio", "video"]],
    [{ role: "publisher", grants: { publish: ["microphone", "screen"] } }, ["video"]],
    [{ role: "publisher", grants: { publish: [] } }, ["audio", "video"]],
    [{ role: "subscriber", grants: { publish: ["camera"] } }, ["audio"]],
    [undefined, ["audio", "video"]],
  ];
  for (const [seat, withheld] of cases) {
    const all = tracks();
    const sent = stream(all);
    assert.deepEqual(withhold(sent, seat), withheld);
    assert.deepEqual(all.filter((one) => one.stopped).map((one) => one.kind), withheld);
    assert.equal(sent.getTracks().length, 2 - withheld.length);
  }
});

test("whoever may not send is told that, and that the call goes on", () => {
  assert.equal(ungrantedWords([]), null);
  assert.match(ungrantedWords(["audio", "video"]), /you watch and listen/);
  assert.match(ungrantedWords(["video"]), /do not see you/);
  assert.match(stateWords("left", "poll-replaced"), /goes on in another tab/);
});
