# A plain HTTP/1.0 server, as Python's own is, in front of the server at a port of this machine:
#
#     python3 http10.py PORT
#
# It prints its own port and serves until its standard input ends. Each connection is one request.

import http.client
import http.server
import sys
import threading

UPSTREAM = int(sys.argv[1])

# What is between two servers and no further (RFC 9110, 7.6.1), and the length, which is counted here.
HOP_BY_HOP = {'connection', 'keep-alive', 'transfer-encoding', 'content-length'}


class Relay(http.server.BaseHTTPRequestHandler):
    def relay(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        upstream = http.client.HTTPConnection('127.0.0.1', UPSTREAM, timeout=20)
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = relay

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Relay)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
