"""A TCP proxy before a PostgreSQL server that cuts a connection at a chosen moment of a statement."""

import socket
import threading
from contextlib import suppress


class Proxy:
    """Connections go through until `cut_when` is in what a client sends.

    `before`: the statement never reaches the server. `after`: the server runs and answers it, and the
    answer is lost. In both cases the client sees its connection end; `cuts` counts them.
    """

    def __init__(self, port):
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut_when, self.how, self.cuts = None, "after", 0
        self.silent = False
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, needle, how):
        self.cut_when, self.how = needle, how

    def close(self):
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._open += [client, server]
                state = {"lose": False}
                threading.Thread(target=self._up, args=(client, server, state), daemon=True).start()
                threading.Thread(
                    target=self._down, args=(client, server, state), daemon=True
                ).start()

    def _up(self, client, server, state):
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self.cut_when is not None and self.cut_when in data:
                    self.cut_when = None
                    self.cuts += 1
                    if self.how == "before":
                        break
                    state["lose"] = True
                server.sendall(data)
        self._end(client, server)

    def _down(self, client, server, state):
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if state["lose"]:
                    break  # the answer is here, so the server has done it
                if not self.silent:
                    client.sendall(data)
        self._end(client, server)

    def _end(self, client, server):
        for one in (client, server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                one.close()
