// One WebSocket for kurento-client, which asks for this module by name; here it connects once, and never again.
"use strict";

const { EventEmitter } = require("node:events");
const WebSocket = require("ws");

class Connection extends EventEmitter {
  constructor(opened) {
    super();
    this.connected = false;
    this.reconnect = true; // so that the client waits for "connection" or "fail"
    this.opened = opened;
  }

  connect(uri, options) {
    this.socket = new WebSocket(uri, options);
    this.socket.on("open", () => {
      this.connected = true;
      this.opened(this.socket);
      this.emit("connection", this.socket);
    });
    this.socket.on("error", error => this.lost(error));
    this.socket.on("close", () => this.lost(new Error("closed")));
    return this;
  }

  disconnect() {
    this.socket.close();
  }

  lost(error) {
    this.connected = this.reconnect = false;
    this.emit("fail", error);
  }
}

module.exports = (options, opened) => new Connection(opened);
