"""pySerial's RFC 2217 server in front of pySerial's RFC 2217 client: rfc2217_bridge.py TARGET-URL.

Prints the port it listens on (of 127.0.0.1), serves one caller after another until it is ended."""
import socket
import sys
import threading

import serial
import serial.rfc2217


def serve(caller, target):
    port = serial.serial_for_url(target, do_not_open=True, timeout=0.02)
    port.baudrate = 115200
    port.open()
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    class Connection:
        def write(self, data):
            caller.sendall(data)

    manager = serial.rfc2217.PortManager(port, Connection())
    alive = True

    def to_caller():
        while alive:
            try:
                data = port.read(port.in_waiting or 1)
                if data:
                    caller.sendall(b"".join(manager.escape(data)))
            except (OSError, serial.SerialException):
                break

    reader = threading.Thread(target=to_caller, daemon=True)
    reader.start()
    try:
        while data := caller.recv(4096):
            port.write(b"".join(manager.filter(data)))
    except OSError:
        pass  # the caller is gone, perhaps before it had all answers
    alive = False
    reader.join(1)
    port.close()
    caller.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    serve(listener.accept()[0], sys.argv[1])
