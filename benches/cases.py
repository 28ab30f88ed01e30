#!/usr/bin/env python3
"""Many clients act on many cases at once: transitions a second, no lost update, each penalty once, the share of fsync.

Every action is tried twice, by two clients that saw the same version: one must win, the other must be refused. At the end
every case must have exactly the version, the history and the penalties that its actions make, and `verify` must agree.
The second cycle runs under `strace -c -w -f`, if there is one: the time in fsync and fdatasync is summed over all
threads and set against the wall clock. strace itself slows the server: compare shares, not rates.

Needs target/release/lantai (make build), or the program that LANTAI_BINARY names.
"""

import argparse
import http.client
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAILING = {"reason": "missing", "documents": ["person_id"], "contracts": 1}


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, token, method, path, body=None):
        headers = {"Authorization": "Bearer " + token, "content-type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def good(self, token, method, path, body=None):
        status, answer = self.call(token, method, path, body)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {answer}")
        return answer


class Server:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.env = dict(os.environ, LANTAI_LOG_FILTER="error", LANTAI_OCR_MODELS="")
        self.data = ["--data", str(folder / "data")]
        self.run("init", "--recovery-out", str(folder / "recovery.key"))
        roles = {"li": "advisor", "wang": "cs_manager"}
        made = {name: self.run("token", "create", "--name", name, "--role", role) for name, role in roles.items()}
        self.tokens = {name: said.split()[-1] for name, said in made.items()}
        self.process = subprocess.Popen([binary, "serve", "--listen", f"127.0.0.1:{self.port}", *self.data],
                                        env=self.env, stdout=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("the server did not start")

    def run(self, *arguments):
        command = [self.binary, *arguments, *self.data]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        self.process.terminate()
        if self.process.wait() != 0:
            sys.exit("the server did not stop in order")


def at_once(clients, port, items, work):
    """Does `work(client, item)` for all items, so many at once; what came back, and the seconds."""
    todo, done, lock = queue.SimpleQueue(), [], threading.Lock()
    for item in items:
        todo.put(item)

    def go():
        client = Client(port)
        while True:
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            begun = time.monotonic()
            result = work(client, item)
            with lock:
                done.append((item, result, time.monotonic() - begun))

    threads = [threading.Thread(target=go) for _ in range(clients)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) != len(items):
        sys.exit("a client gave up")
    return done, time.monotonic() - start


def phase(server, clients, versions, who, action, body):
    """Takes an action on every case, twice at the same version. Latencies in milliseconds and the seconds."""
    tries = [case for case in versions for _ in range(2)]
    random.shuffle(tries)
    # The two tries of a case come close to each other, so that they meet.
    tries.sort(key=lambda case: hash(case) % 97)

    def act(client, case):
        said = dict(body, version=versions[case])
        return client.call(server.tokens[who], "POST", f"/api/v1/cases/{case}/actions/{action}", said)

    done, seconds = at_once(clients, server.port, tries, act)
    won, latencies = {}, []
    for case, (status, answer), took in done:
        if status == 200:
            if case in won:
                sys.exit(f"{case}: both of two wins: an update is lost")
            won[case] = answer["version"]
            latencies.append(took * 1000)
        elif status != 409:
            sys.exit(f"{case}: {status} {answer}")
    for case, version in versions.items():
        if won.get(case) != version + 1:
            sys.exit(f"{case}: version {won.get(case)} after {version}")
    versions.update(won)
    return latencies, seconds


class Traced:
    """Counts the time in fsync while it is open."""

    def __init__(self, pid, folder):
        self.out = folder / "strace"
        strace = shutil.which("strace")
        command = [strace, "-f", "-c", "-w", "-e", "trace=fsync,fdatasync", "-o", str(self.out), "-p", str(pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL) if strace else None
        time.sleep(1)

    def stop(self):
        """Seconds and calls."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        rows = [line.split() for line in self.out.read_text().splitlines() if line.split()[-1:] in (["fsync"], ["fdatasync"])]
        return sum(float(row[1]) for row in rows), sum(int(row[3]) for row in rows)


def check(server, versions, returns):
    """Every case's history and penalties are those of its actions; prints what was counted."""
    client, token = Client(server.port), server.tokens["wang"]
    account = client.good(token, "GET", "/api/v1/penalties")
    lines = account["entries"]
    if len({line["id"] for line in lines}) != len(lines) or len(lines) != returns * len(versions):
        sys.exit(f"{len(lines)} penalties, {returns * len(versions)} returns")
    expected = sum(range(1, returns + 1)) * len(versions)
    if account["totals"] != {"li": expected}:
        sys.exit(f"points {account['totals']}, expected {expected}")
    for case, version in versions.items():
        seen = client.good(token, "GET", f"/api/v1/cases/{case}")
        acts = [item["seq"] for item in seen["history"]]
        if seen["version"] != version or acts != list(range(1, version + 1)):
            sys.exit(f"{case}: version {seen['version']}, history {acts}")
    return len(lines), expected


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    binary = os.environ.get("LANTAI_BINARY", str(ROOT / "target/release/lantai"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lantai-cases-"))
    server = Server(binary, folder)
    li = server.tokens["li"]

    def begin(client, number):
        facts = {"name": f"客户{number}", "kind": "person", "discloses": True}
        dossier = client.good(li, "POST", "/api/v1/dossiers", {"kind": "customer", "facts": facts})["id"]
        new = {"workflow": "customer-intake", "dossier": dossier, "contracts": 1}
        return client.good(li, "POST", "/api/v1/cases", new)

    begun, seconds = at_once(options.clients, server.port, range(options.cases), begin)
    versions = {case["id"]: case["version"] for _, case, _ in begun}
    print(f"{options.cases} cases, {options.clients} clients, every action tried twice; begun in {seconds:.1f} s")
    print("| cycle | action | transitions/s | p50 ms | p95 ms | share of fsync | calls |")
    print("| --- | --- | --: | --: | --: | --: | --: |")
    for cycle, traced in enumerate((False, True), 1):
        for who, action, body in (("li", "submit", {}), ("wang", "return", FAILING)):
            trace = Traced(server.process.pid, folder) if traced else None
            latencies, seconds = phase(server, options.clients, versions, who, action, body)
            synced = trace.stop() if trace else None
            share = f"{synced[0] / seconds:.0%} | {synced[1]}" if synced else "— | —"
            p95 = statistics.quantiles(latencies, n=20)[-1]
            print(f"| {cycle}{' (traced)' if synced else ''} | {action} | {options.cases / seconds:.0f} "
                  f"| {statistics.median(latencies):.1f} | {p95:.1f} | {share} |", flush=True)
    lines, points = check(server, versions, 2)
    server.stop()
    said = server.run("verify")
    print(f"{lines} penalties, each once; {points} points; no update lost; verify: {said.strip().splitlines()[-1]}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
