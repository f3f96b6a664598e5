// Stand-ins for EventSource and WebSocket, and how each of them says the same things.

export const message = (id) => ({ id, type: "signal", session_id: "s", version: null, at: "", data: {} });

/** Enough of EventSource and of WebSocket to see what the SDK does with them. */
export class FakeLine {
  static made = [];
  readyState = 1;
  closed = false;
  sent = [];
  listeners = {};
  constructor(url) {
    this.url = new URL(url);
    FakeLine.made.push(this);
  }
  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
    this.readyState = 3;
  }
}
globalThis.EventSource = globalThis.WebSocket = FakeLine;

export const speech = {
  sse: {
    path: "/v1/messages/stream",
    gives: (fake, ids) => ids.forEach((id) => fake.onmessage({ data: JSON.stringify(message(id)), lastEventId: `t-${id}` })),
    beats: (fake) => fake.listeners.beat({}),
    refuses: (fake, status, code, reason) => fake.listeners.end({ data: JSON.stringify({ status, code, reason }) }),
    ends: (fake) => fake.onerror({}),
  },
  websocket: {
    path: "/v1/messages/socket",
    gives: (fake, ids) => fake.onmessage({ data: JSON.stringify({ messages: ids.map(message), ack: `t-${ids.at(-1)}` }) }),
    beats: (fake) => fake.onmessage({ data: '{"messages":[],"ack":null}' }),
    refuses: (fake, status, code, reason) => fake.onclose({ code: 4000 + status, reason: reason ? `${code}: ${reason}` : code }),
    ends: (fake) => fake.onclose({ code: 4000, reason: "unacknowledged" }),
  },
};
