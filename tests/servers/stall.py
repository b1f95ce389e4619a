"""A server that answers at once, but stands still once, as servers do for a lock, a full disk or a garbage collection.

    python3 stall.py --port 8000 --after 10 --seconds 2

The time counts from the first request on; start it anew for another stall. It reads requests without a body.
"""

import argparse
import asyncio
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nhello\n"

# Connections that come during the stall wait in the system's queue.
BACKLOG = 4096


class Connection(asyncio.Protocol):
    def __init__(self, first_request):
        self.first_request = first_request
        self.unread = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if not self.first_request.done():
            self.first_request.set_result(None)
        *requests, self.unread = (self.unread + data).split(b"\r\n\r\n")
        self.transport.write(ANSWER * len(requests))


async def serve(options):
    loop = asyncio.get_running_loop()
    first_request = loop.create_future()
    server = await loop.create_server(
        lambda: Connection(first_request), "127.0.0.1", options.port, backlog=BACKLOG
    )
    print("listening on http://%s:%d" % server.sockets[0].getsockname(), flush=True)
    await first_request
    await asyncio.sleep(options.after)
    # It blocks the one thread that there is: nothing is read, nothing is answered.
    time.sleep(options.seconds)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 for a free one (default: 0)")
    parser.add_argument("--after", type=float, default=10, help="seconds from the first request to the stall (default: 10)")
    parser.add_argument("--seconds", type=float, default=2, help="how long it stalls (default: 2)")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


main()
