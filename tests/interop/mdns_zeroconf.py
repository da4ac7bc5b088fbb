"""Somebody else's mDNS (zeroconf, of PyPI), on the loopback interface.

announce: an ArduinoOTA, an ESPHome device and an agent, as their firmware announces them, until standard input ends.
browse TYPE NAME: what it resolves of an instance, as JSON."""

import json
import socket
import sys
import time

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

DEVICES = [
    # arduino-esp32, libraries/ESPmDNS, enableArduino
    ("_arduino._tcp.local.", "workshop", 3232, {"board": "esp32dev", "tcp_check": "no", "ssh_upload": "no", "auth_upload": "no"}),
    # ESPHome, components/mdns/mdns_component.cpp
    ("_esphomelib._tcp.local.", "hall", 6053, {"friendly_name": "Hall light", "version": "2025.7.1", "config_hash": "0a1b2c3d",
     "mac": "a0b1c2d3e4f5", "platform": "ESP32", "board": "esp32dev", "network": "wifi", "project_name": "acme.plug",
     "project_version": "3.0"}),
    ("_espota._tcp.local.", "Küche 1 OG", 3232, {"txtvers": "1", "proto": "1", "chip": "esp32s3", "project": "lamp",
     "version": "1.4", "mac": "240ac4000199", "key": "yes"}),
]


def announce(zeroconf):
    for kind, name, port, text in DEVICES:
        zeroconf.register_service(ServiceInfo(kind, f"{name}.{kind}", port=port, properties=text,
                                              addresses=[socket.inet_aton("127.0.0.1")], server=f"{kind[1:4]}-board.local."))
    print("announced", flush=True)
    sys.stdin.read()


def browse(zeroconf, kind, name):
    class Listener:
        def add_service(self, *_):
            pass
        update_service = remove_service = add_service

    browser = ServiceBrowser(zeroconf, kind, Listener())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        info = zeroconf.get_service_info(kind, f"{name}.{kind}", timeout=1000)
        if info and info.port and info.properties:
            print(json.dumps({"port": info.port, "server": info.server, "addresses": info.parsed_addresses(),
                              "text": {k.decode(): v.decode() for k, v in info.properties.items()}}))
            browser.cancel()
            return
    sys.exit(f"{name} was not found")


def main():
    with Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only) as zeroconf:
        if sys.argv[1] == "announce":
            announce(zeroconf)
        else:
            browse(zeroconf, *sys.argv[2:])


main()
