// Drives a Kurento media server through its own npm client: `node npm_client.js URL`; the exit code says whether all was well.
"use strict";

const assert = require("node:assert/strict");
const kurentoClient = require("kurento-client");

const PATIENCE = 15_000;
const PLAIN = [
  "v=0", "o=- 5 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
  "m=audio 40100 RTP/AVP 98", "a=rtpmap:98 opus/48000/2", "a=sendrecv",
  "m=video 40200 RTP/AVP 100", "a=rtpmap:100 VP8/90000", "a=sendrecv", "",
].join("\r\n");

const within = (promise, what) => Promise.race([
  promise,
  new Promise((_, refuse) => setTimeout(refuse, PATIENCE, new Error(`no ${what}`)).unref()),
]);
const event = (object, kind) => within(new Promise(done => object.once(kind, done)), kind);

// Without a callback the client resolves its promise though the server refused, and leaves the error to console.trace.
const swallowed = [];
console.trace = error => swallowed.push(error);
const refused = async (promise, code) => {
  const rejection = await promise.then(() => [], error => [error]);
  const errors = [...rejection, ...swallowed.splice(0)];
  assert.ok(errors.length, `not refused with ${code}`);
  assert.ok(errors.every(error => error.code === code), errors.join());
};
const ports = sdp => [...sdp.matchAll(/^m=\S+ (\d+)/gm)].map(found => Number(found[1]));
const ids = list => list.map(each => each.id ?? each).sort();

const checks = {
  async "the server says what it can make"(kurento) {
    const manager = await kurento.getServerManager();
    const made = (await manager.getInfo()).modules.flatMap(each => each.factories);
    for (const kind of ["Composite", "HubPort", "PassThrough", "PlayerEndpoint", "DispatcherOneToMany", "RtpEndpoint"])
      assert.ok(made.includes(kind), kind);
  },

  async "hubs have ports, which are connected like elements"(_, pipeline) {
    const endpoint = await pipeline.create("WebRtcEndpoint");
    for (const kind of ["Composite", "Dispatcher", "DispatcherOneToMany"]) {
      const hub = await pipeline.create(kind);
      const [one, two] = [await hub.createHubPort(), await hub.createHubPort()];
      assert.ok(one.id.startsWith(`${hub.id}/`), one.id);
      assert.deepEqual(ids(await hub.getChildren()), ids([one, two]));
      assert.equal((await hub.getParent()).id, pipeline.id);
      assert.equal((await hub.getMediaPipeline()).id, pipeline.id);
      const connected = event(endpoint, "ElementConnected");
      await endpoint.connect(one);
      assert.ok(["AUDIO", "VIDEO", "DATA"].includes((await connected).mediaType));
      assert.deepEqual((await one.getSourceConnections()).map(each => each.type).sort(), ["AUDIO", "DATA", "VIDEO"]);
      await hub.setName("hub");
      assert.equal(await hub.getName(), "hub");
      await hub.addTag("key", "value");
      assert.equal(await hub.getTag("key"), "value");
      await refused(hub.getTag("another"), 40110);
      if (kind === "Dispatcher") await hub.connect(one, two);
      if (kind === "DispatcherOneToMany") {
        await hub.setSource(one.id); // the client would send the port itself as an object
        await hub.removeSource();
      }
      await hub.release();
      await refused(two.getName(), 40101);
    }
  },

  async "a junction hands media on"(kurento, pipeline) {
    const [junction, sink] = [await pipeline.create("PassThrough"), await pipeline.create("WebRtcEndpoint")];
    await junction.connect(sink, "VIDEO");
    const [link] = await junction.getSinkConnections();
    assert.deepEqual([link.sink.id ?? link.sink, link.type], [sink.id, "VIDEO"]);
    assert.equal(await junction.isMediaFlowingIn("VIDEO"), false);
    await refused(junction.isMediaFlowingIn("DATA"), 40107);
    await junction.disconnect(sink, "VIDEO");
    assert.deepEqual(await junction.getSinkConnections(), []);
    const found = await kurento.getMediaobjectById(junction.id);
    assert.equal(found.constructor.name, "PassThrough");
    const foreign = await (await kurento.create("MediaPipeline")).create("WebRtcEndpoint");
    await refused(junction.connect(foreign), 40004);
  },

  async "a player of a file that is not there says so by event"(_, pipeline) {
    const uri = "file:///no/such/file.webm";
    const player = await pipeline.create("PlayerEndpoint", { uri });
    assert.equal(await player.getUri(), uri);
    assert.equal(await player.getState(), "STOP");
    await refused(player.setPosition(1000), 40700);
    const error = event(player, "Error");
    await player.play();
    assert.equal((await error).type, "INVALID_URI");
    await player.stop();
    assert.equal(await player.getState(), "STOP");
  },

  async "a recorder is made and connected"(_, pipeline) {
    const recorder = await pipeline.create("RecorderEndpoint", { uri: "file:///tmp/callplane-never.webm" });
    assert.equal(await recorder.getUri(), "file:///tmp/callplane-never.webm");
    await (await pipeline.create("WebRtcEndpoint")).connect(recorder);
    assert.equal((await recorder.getSourceConnections()).length, 3);
    assert.equal(await recorder.getState(), "STOP");
  },

  async "a plain offer is answered by an endpoint of plain RTP"(_, pipeline) {
    const endpoint = await pipeline.create("RtpEndpoint");
    await refused(endpoint.getLocalSessionDescriptor(), 40202);
    const connected = event(endpoint, "ConnectionStateChanged");
    const answer = await endpoint.processOffer(PLAIN);
    assert.equal((await connected).newState, "CONNECTED");
    assert.equal(ports(answer).length, 2);
    assert.ok(ports(answer).every(port => port > 0 && port % 2 === 0), answer);
    assert.match(answer, /^a=rtpmap:98 opus\/48000/im);
    assert.match(answer, /^a=rtpmap:100 VP8\/90000/im);
    assert.deepEqual(ports(await endpoint.getRemoteSessionDescriptor()), [40100, 40200]);
    await refused(endpoint.processOffer(PLAIN), 40208);
    assert.equal(await endpoint.getConnectionState(), "CONNECTED");
    const crypto = kurentoClient.getComplexType("SDES")({ key: "too short", crypto: "AES_128_CM_HMAC_SHA1_80" });
    await refused(pipeline.create("RtpEndpoint", { crypto }), 40107);
  },

  async "two endpoints of plain RTP agree"(_, pipeline) {
    const [offering, answering] = await Promise.all([1, 2].map(() => pipeline.create("RtpEndpoint")));
    const answer = await answering.processOffer(await offering.generateOffer());
    assert.ok(ports(answer).every(port => port > 0), answer);
    await offering.processAnswer(answer);
    await refused(offering.processAnswer(answer), 40210);
    assert.equal(await offering.getConnectionState(), "CONNECTED");
  },

  async "a plain offer is answered by a WebRTC endpoint, with refused lines"(_, pipeline) {
    const endpoint = await pipeline.create("WebRtcEndpoint");
    assert.deepEqual(ports(await endpoint.processOffer(PLAIN)), [0, 0]);
  },

  async "what is released is gone"(_, pipeline) {
    const composite = await pipeline.create("Composite");
    const port = await composite.createHubPort();
    await pipeline.release();
    for (const gone of [pipeline, composite, port]) await refused(gone.getName(), 40101);
  },
};

async function main() {
  const kurento = await within(kurentoClient(process.argv[2], { useImplicitTransactions: false }), "connection");
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    const pipeline = await kurento.create("MediaPipeline");
    try {
      await within(check(kurento, pipeline), "end");
      assert.deepEqual(swallowed, []);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      swallowed.length = 0;
      console.log(`not ok ${name}\n${error.stack ?? error}`);
    }
    await pipeline.release().catch(() => {});
  }
  kurento.close();
  process.exit(failed ? 1 : 0);
}

main().catch(error => {
  console.log(error);
  process.exit(1);
});
