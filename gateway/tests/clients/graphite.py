"""Sends one metric with graphyte, and one by every protocol of pickle as carbon's relays do."""
import pickle, socket, struct, sys, time

import graphyte

host, lines, pickles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
graphyte.init(host, port=lines, prefix="py")
graphyte.send("graphyte", 42.5, tags={"k": "v"})
with socket.create_connection((host, pickles)) as connection:
    for protocol in range(5):
        points = [("py.pickle;p=%d" % protocol, (time.time(), protocol + 0.5))]
        payload = pickle.dumps(points, protocol=protocol)
        connection.sendall(struct.pack("!L", len(payload)) + payload)
