# A server of hawkBit's DDI API as hawkBit answers (ETags, query in its addresses, cancellation, consent, windows), on a free port of
# the loopback interface. Prints its port. /control takes JSON: what it is to offer; /log gives what devices told it.
# settings.hold: the next request for an artifact ("artifact"), its second half ("half"), or report that closes an action ("closed") gets
# no answer; settings.held says that it is there. settings.refuse: a device that may not fetch, and hears of it when that is cleared. A device's "repeat": actions that it is given in turn, whatever it says of them.
# Usage: ddi_server.py FOLDER [PORT]: artifacts lie in FOLDER.
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

folder = sys.argv[1]
lock = threading.Lock()
devices = {}  # id: what the server knows
log = []  # [device, kind, body]
settings = {"sleep": "00:00:01", "tokens": {}, "gateway": None, "fail": 0, "raw": None, "polls": 0, "fetches": 0,
            "hold": None, "held": 0, "refuse": None}


def device(name):
    return devices.setdefault(name, {"config": True, "action": None, "cancel": None, "version": 0, "attributes": {}, "polls": 0})


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def base(self):
        return f"http://{self.headers['Host']}/lab/controller/v1"

    def allowed(self, name):
        given = self.headers.get("Authorization", "")
        token = settings["tokens"].get(name)
        if settings["gateway"] and given == f"GatewayToken {settings['gateway']}":
            return True
        return not (token or settings["gateway"]) or (token and given == f"TargetToken {token}")

    def poll(self, name):
        d = device(name)
        settings["polls"] += 1
        d["polls"] += 1
        links = {}
        if d["config"]:
            links["configData"] = {"href": f"{self.base()}/{name}/configData"}
        a = d["action"]
        if d["cancel"]:
            links["cancelAction"] = {"href": f"{self.base()}/{name}/cancelAction/{d['cancel']}"}
        elif a and a.get("confirm"):
            links["confirmationBase"] = {"href": f"{self.base()}/{name}/confirmationBase/{quote(a['id'])}?c={d['version']}"}
        elif a:
            links["deploymentBase"] = {"href": f"{self.base()}/{name}/deploymentBase/{quote(a['id'])}?c={d['version']}"}
        body = {"config": {"polling": {"sleep": settings["sleep"]}}, "_links": links}
        tag = '"%s"' % hashlib.md5(json.dumps(body).encode()).hexdigest()
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, headers=[("ETag", tag)])
        return self.answer(200, body, [("ETag", tag), ("Content-Type", "application/hal+json")])

    def hold(self, what):
        """Whoever asked for it hears nothing more, and nothing was done."""
        if settings["hold"] != what:
            return False
        settings["hold"] = None
        settings["held"] += 1
        self.close_connection = True
        lock.release()
        try:
            while self.connection.recv(4096):  # until the other side ends
                pass
        except OSError:
            pass
        finally:
            lock.acquire()
        return True

    def deployment(self, name):
        a = device(name)["action"]
        artifacts = []
        for file in a["files"]:
            with open(os.path.join(folder, file), "rb") as f:
                data = f.read()
            sha256 = a.get("sha256") or hashlib.sha256(data).hexdigest()
            artifacts.append({
                "filename": file, "size": len(data),
                "hashes": {"sha1": hashlib.sha1(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "sha256": sha256},
                "_links": {"download-http": {"href": f"{settings.get('elsewhere') or self.base()}/{name}/softwaremodules/1/artifacts/{file}"},
                           "md5sum-http": {"href": f"{self.base()}/{name}/softwaremodules/1/artifacts/{file}.MD5SUM"}}})
        deployment = {"download": a.get("download", "forced"), "update": a.get("update", "forced"),
                      "chunks": [{"part": "bApp", "version": a.get("version", "1"), "name": "firmware", "artifacts": artifacts}]}
        if a.get("window"):
            deployment["maintenanceWindow"] = a["window"]
        return {"id": a["id"], "deployment": deployment, "actionHistory": {"status": "RUNNING", "messages": []}}

    def do_GET(self):
        with lock:
            self.get()

    def get(self):
        path = self.path.split("?")[0]
        part = [unquote(p) for p in path.strip("/").split("/")]
        if path == "/log":
            return self.answer(200, {"log": log, "devices": devices, "settings": settings})
        if part[:3] != ["lab", "controller", "v1"] or len(part) < 4:
            return self.answer(404)
        if settings["fail"] > 0:
            settings["fail"] -= 1
            return self.answer(503)
        name = part[3]
        if not self.allowed(name):
            return self.answer(401)
        d = device(name)
        if settings["raw"] is not None:
            return self.answer(200, settings["raw"].encode())
        if len(part) == 4:
            return self.poll(name)
        if "artifacts" in part:
            settings["fetches"] += 1
            log.append([name, "artifact", self.headers.get("Authorization")])
            if name == settings["refuse"]:
                settings["held"] += 1
                while name == settings["refuse"]:
                    lock.release()
                    time.sleep(0.05)
                    lock.acquire()
                return self.answer(403)
            if self.hold("artifact"):
                return None
            with open(os.path.join(folder, part[-1]), "rb") as f:
                data = f.read()
            if settings["hold"] == "half":
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.hold("half")
                return None
            return self.answer(200, data, [("ETag", '"x"')])
        if part[4] == "cancelAction" and d["cancel"] == part[5]:
            return self.answer(200, {"id": d["cancel"], "cancelAction": {"stopId": d["action"]["id"]}})
        if part[4] == "deploymentBase" and d["action"] and d["action"]["id"] == part[5] and not d["cancel"]:
            return self.answer(200, self.deployment(name))
        return self.answer(404)

    def do_PUT(self):
        self.take()

    def do_POST(self):
        self.take()

    def take(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            self.put(body)

    def put(self, body):
        part = [unquote(p) for p in self.path.split("?")[0].strip("/").split("/")]
        if self.path == "/control":
            settings.update(body.get("settings", {}))
            for name, changes in body.get("devices", {}).items():
                device(name).update(changes)
                device(name)["version"] += 1
            return self.answer(200)
        name = part[3]
        if not self.allowed(name):
            return self.answer(401)
        d = device(name)
        if part[4] == "deploymentBase" and body["status"]["execution"] == "closed" and self.hold("closed"):
            return None
        log.append([name, part[4], body])
        if part[4] == "configData":
            d["config"] = False
            d["attributes"].update(body["data"])
            return self.answer(200)
        if part[4] == "confirmationBase":
            if body["confirmation"] == "confirmed":
                d["action"]["confirm"] = False
                d["version"] += 1
            return self.answer(200)
        status = body["status"]
        if status["result"]["finished"] not in ("none", "success", "failure"):
            return self.answer(400)
        if part[4] == "cancelAction":
            if d["cancel"] != part[5]:
                return self.answer(410)
            if status["execution"] == "closed":
                d["action"] = None
            d["cancel"] = None
            return self.answer(200)
        if not d["action"] or d["action"]["id"] != part[5]:
            return self.answer(410)
        if status["execution"] == "closed" and d.get("repeat"):
            d["repeat"].append(d["repeat"].pop(0))
            d["action"] = d["repeat"][0]
            d["version"] += 1
        elif status["execution"] == "closed" or (status["execution"] == "downloaded" and d["action"].get("update") == "skip"):
            d["action"] = None
        return self.answer(200)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Server)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
