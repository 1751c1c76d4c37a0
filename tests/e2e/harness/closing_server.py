# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that plays a gateway and ends each connection as a plan says."""

import asyncio
import http
import json
import re
import threading

import websockets


def token_of(headers):
    """The token in Authorization, or among the subprotocols, where "fanfare" stands too; None without one."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    if kind == "Bearer":
        return token
    offered = re.split(r", *", headers.get("Sec-WebSocket-Protocol", ""))
    mark = "fanfare.token."
    found = [each[len(mark):] for each in offered if each.startswith(mark)]
    return found[0] if found and "fanfare" in offered else None


class ClosingServer:
    """`plan` has one entry a handshake: (close code, reason), or (HTTP status, headers) for a refusal. Each JOIN
    is answered, then a PUSH with the number of the connection comes, then the end. `asked` counts handshakes, `shown`
    has the token of each."""

    def __init__(self, plan):
        self.plan = plan
        self.asked = 0
        self.shown = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self._start(), self.loop).result()
        self.port = self.server.sockets[0].getsockname()[1]

    async def _start(self):
        return await websockets.serve(self._serve, "127.0.0.1", 0, process_request=self._judge, subprotocols=["fanfare"])

    async def _judge(self, _path, headers):
        self.shown.append(token_of(headers))
        number, self.asked = self.asked, self.asked + 1
        status, headers = self.plan[number]
        return (http.HTTPStatus(status), headers, b"") if status < 1000 else None

    async def _serve(self, socket):
        number = self.asked - 1
        request = json.loads(await socket.recv())
        assert request["type"] == "JOIN", request
        await socket.send(json.dumps({"type": "ACK", "id": request["id"]}))
        room = request["data"]["room"]
        await socket.send(json.dumps({"type": "PUSH", "data": {"room": room, "items": [number]}}))
        await socket.close(*self.plan[number])

    def stop(self):
        async def end():
            self.server.close()
            await self.server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
