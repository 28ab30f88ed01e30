#!/usr/bin/env python3
"""How long it takes until a paper that was read can be found, with nothing else to do and while others come in.

A text is sent through the upload endpoint. From the answer on the document is asked whether it was read, and then the search for a word
that stands in it alone, until it is found. Needs target/release/lantai (make build), or the program that
LANTAI_BINARY names. Prints the table of docs/benchmarks-search.md.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

from cases import Server

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAUSE = 0.02


class Client:
    def __init__(self, port, token):
        self.connection, self.token = http.client.HTTPConnection("127.0.0.1", port, timeout=60), token

    def call(self, method, path, body=None, kind="application/json"):
        self.connection.request(method, path, body, {"Authorization": "Bearer " + self.token, "content-type": kind})
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {said[:300]}")
        return json.loads(said or b"null")

    def put(self, dossier, text):
        path = f"/api/v1/documents?dossier={dossier}&kind=trust_contract&filename=a.txt"
        return self.call("POST", path, text.encode(), "text/plain")

    def finds(self, word):
        return self.call("GET", f"/api/v1/search?q={word}&limit=1")["total"] > 0


def text(word, pages=1):
    return "\f".join(f"民事信托合同 {word}\n" + "委托人与受托人就信托财产的管理达成以下条款。" * 20 for _ in range(pages))


def times(client, dossier, name, count):
    """Seconds from the answer and from the reading on, each sorted."""
    since_answer, since_read = [], []
    for number in range(count):
        word = f"w{name}{number}x"
        document = client.put(dossier, text(word))["id"]
        answered = time.monotonic()
        while client.call("GET", f"/api/v1/documents/{document}")["reading"] is None:
            time.sleep(PAUSE)
        read = time.monotonic()
        while not client.finds(word):
            time.sleep(PAUSE)
        found = time.monotonic()
        since_answer.append(found - answered)
        since_read.append(found - read)
    return sorted(since_answer), sorted(since_read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--each", type=float, default=1.0, help="papers a second that each of them sends")
    options = parser.parse_args()
    binary = os.environ.get("LANTAI_BINARY", str(ROOT / "target/release/lantai"))
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(binary, pathlib.Path(scratch))
        try:
            client = Client(server.port, server.tokens["wang"])
            dossier = client.call("POST", "/api/v1/dossiers", json.dumps({"kind": "customer", "facts": {"name": "测试", "kind": "person", "discloses": True}}))["id"]
            rows = [("nothing else to do", times(client, dossier, "quiet", options.count))]
            over, sent = threading.Event(), [0] * options.clients

            def flood(at):
                other = Client(server.port, server.tokens["wang"])
                while not over.is_set():
                    other.put(dossier, text(f"flood{at}n{sent[at]}"))
                    sent[at] += 1
                    time.sleep(1 / options.each)

            threads = [threading.Thread(target=flood, args=(at,)) for at in range(options.clients)]
            for thread in threads:
                thread.start()
            began = time.monotonic()
            rows.append((f"while {options.clients} clients send", times(client, dossier, "busy", options.count)))
            rate = sum(sent) / (time.monotonic() - began)
            over.set()
            for thread in threads:
                thread.join()
        finally:
            server.stop()
    print("| | papers | found after the answer: p50 s | longest s | after it was read: p50 s | longest s |\n|" + " --- |" * 6)
    for name, (answer, read) in rows:
        print(f"| {name} | {len(read)} | {statistics.median(answer):.2f} | {answer[-1]:.2f} | {statistics.median(read):.2f} | {read[-1]:.2f} |")
    print(f"\nMeanwhile {rate:.0f} papers a second came in.")


if __name__ == "__main__":
    main()
