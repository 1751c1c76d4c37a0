// SPDX-License-Identifier: Apache-2.0
// A client on node's ws package. Usage: node node_client.js URL ROOM COUNT
// Prints one JSON line per event; leaves when COUNT items have come and its PING is answered.
"use strict";

const WebSocket = require("ws");

const [url, room, count] = process.argv.slice(2);
const socket = new WebSocket(url);
const items = [];
const say = (event, more) => console.log(JSON.stringify({ event, ...more }));

function done() {
  socket.close(1000, "done");
}

socket.on("open", () => {
  say("open", { extensions: socket.extensions, protocol: socket.protocol });
  socket.send(JSON.stringify({ type: "JOIN", id: "join", data: { room } }));
});
socket.on("message", (data, binary) => {
  const frame = JSON.parse(data.toString());
  if (frame.type === "ACK") {
    say("ack", { id: frame.id });
  } else if (frame.type === "ERROR") {
    say("refused", { id: frame.id, code: frame.data.code });
  } else if (frame.type === "PUSH") {
    items.push(...frame.data.items);
    if (items.length >= Number(count)) {
      socket.ping("are you there");
    }
  }
  if (binary) {
    say("binary");
  }
});
socket.on("pong", (data) => {
  say("pong", { data: data.toString() });
  say("items", { items });
  done();
});
socket.on("error", (error) => say("error", { message: error.message }));
socket.on("close", (code, reason) => {
  say("close", { code, reason: reason.toString() });
});
