"""A device at the end of a TCP connection that prints what it is given: lines.py FILE. Prints its port."""
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
with open(sys.argv[1], "rb") as file:
    text = file.read()
while True:
    connection, _ = server.accept()
    connection.sendall(text)
    connection.recv(1)
