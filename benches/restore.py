#!/usr/bin/env python3
"""The drill: an archive of many documents is made, its data folder deleted, and brought back from the bucket.

Needs target/release/lantai (make build); with garage in PATH (or LANTAI_GARAGE) Garage is measured beside a folder. The
documents are small PDFs and text files, handed in with `lantai put --as`, and read and indexed by the server before its
totals are noted. Then the server stops, its data folder goes, and `lantai restore --compare` has to find the same totals.
Prints the tables of docs/benchmarks-restore.md; only ratios within one run mean anything.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from ingest import Garage, ROOT, fetch, free_port, wait

BINARY = ROOT / "target/release/lantai"
PASSWORD = "a password for the bench"


def pdf(text):
    """A one-page PDF with this line of text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1, table, len(bodies) + 1, len(out))


def make_papers(folder, count):
    """Every tenth paper is a PDF, the others are text."""
    folder.mkdir()
    papers = []
    for number in range(count):
        if number % 10 == 0:
            path, content = folder / f"{number:05}.pdf", pdf(f"trust contract number {number:05}")
        else:
            path, content = folder / f"{number:05}.txt", f"银行打款回执单 编号 {number:05} 金额 {number}00.00 元\n".encode() * 8
        path.write_bytes(content)
        papers.append(str(path))
    return papers


def run(arguments, env, **more):
    """Runs the program: seconds, peak MiB, exit code, standard output."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([BINARY, *arguments], env=env, stdout=out, stderr=subprocess.PIPE, **more)
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
    if process.returncode not in (0, 1):
        sys.exit(f"lantai {arguments[0]} failed: {said[-500:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, process.returncode, text


class Archive:
    def __init__(self, name, folder, store, extra):
        self.name, self.folder, self.store = name, folder, store
        self.env = dict(os.environ, LANTAI_OBJECTS=store, LANTAI_LOG_FILTER="warn", LANTAI_LIMITS_UPLOADS="256", **extra)
        self.data = folder / "data"
        self.key = folder / "recovery.key"
        run(["init", "--recovery-out", self.key, "--data", self.data], self.env)
        (folder / "password").write_text(PASSWORD)
        for person, role in [("li", "advisor"), ("wang", "cs_manager"), ("audit", "auditor")]:
            run(["user", "add", person, "--role", role, "--password-file", folder / "password", "--data", self.data], self.env)

    def serve(self):
        port = free_port()
        self.server = subprocess.Popen([BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--data", self.data], env=self.env,
                                       stdout=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        wait("lantai", lambda: fetch(f"{self.url}/healthz"))

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def call(self, who, path, body=None):
        signed = json.loads(fetch(f"{self.url}/api/v1/session", {"content-type": "application/json"},
                                  json.dumps({"user": who, "password": PASSWORD}).encode()))
        headers = {"Authorization": "Bearer " + signed["token"], "content-type": "application/json"}
        return json.loads(fetch(f"{self.url}{path}", headers, None if body is None else json.dumps(body).encode()))

    def fill(self, papers, dossiers):
        """Dossiers with papers; every tenth dossier has a case."""
        self.serve()
        ids = []
        for number in range(dossiers):
            facts = {"name": f"客户{number}", "kind": "person", "discloses": True}
            ids.append(self.call("li", "/api/v1/dossiers", {"kind": "customer", "facts": facts})["id"])
            if number % 10 == 0:
                self.call("li", "/api/v1/cases", {"workflow": "customer-intake", "dossier": ids[-1], "contracts": 1})
        self.stop()
        share = -(-len(papers) // dossiers)
        for number, dossier in enumerate(ids):
            part = papers[number * share:(number + 1) * share]
            _, _, code, _ = run(["put", "--as", "li", "--dossier", dossier, "--kind", "trust_contract", "--at-once", "16",
                                 "--data", self.data, *part], self.env)
            assert code == 0, "every paper was taken"

    def settle(self):
        """Returns the totals once everything is read, indexed and published."""
        self.serve()
        idle = lambda: all(line in fetch(f"{self.url}/metrics") for line in
                           [b"lantai_jobs_waiting 0\n", b"lantai_log_unpublished_entries 0\n"])
        wait("an idle server", idle, 3600)
        totals = self.call("audit", "/api/v1/totals")
        # The sign-in that asked is an entry, too: the totals are those after it once nothing more is signed.
        (self.folder / "totals.json").write_text(json.dumps(totals))
        self.stop()
        return totals

    def restore(self, *more):
        shutil.rmtree(self.data)
        seconds, peak, code, text = run(["restore", "--from", self.store, "--key", self.key, "--data", self.data, "--json",
                                         "--compare", self.folder / "totals.json", *more], self.env)
        report = json.loads(text)
        if code != 0:
            sys.exit(f"{self.name}: the copy differs: {json.dumps(report, indent=1)[:2000]}")
        return seconds, peak, report


def measure(archive, rounds):
    rows = [archive.restore() for _ in range(rounds)]
    report = rows[0][2]
    seconds = statistics.median(row[2]["seconds"] for row in rows)
    peak = max(row[1] for row in rows)
    indexed = archive.restore("--index")
    totals = report["totals"]
    return (f"| {archive.name} | {totals['documents']:,} | {totals['entries']:,} | {report['objects']:,} | {seconds:.1f} | "
            f"{totals['documents'] / seconds:,.0f} | {peak:.0f} | {indexed[0]:.0f} | {indexed[1]:.0f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--dossiers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lantai-bench-") as name:
        folder = pathlib.Path(name)
        papers = make_papers(folder / "papers", options.documents)
        stores, garage = [("folder", f"file://{folder}/bucket", {})], None
        if shutil.which(os.environ.get("LANTAI_GARAGE", "garage")):
            garage = Garage(folder)
            stores.append(("Garage", f"s3://bench/drill?endpoint={garage.endpoint}&region=garage",
                           {"LANTAI_S3_ACCESS_KEY": garage.key, "LANTAI_S3_SECRET_KEY": garage.secret}))
        else:
            print("garage is not installed: only the folder is measured", file=sys.stderr)
        print(f"{options.documents:,} documents in {options.dossiers} dossiers; medians of {options.rounds} restores, totals equal each time\n")
        print("| store | documents | entries | objects | seconds | documents a second | peak MiB | with `--index`: seconds | MiB |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        try:
            for kind, store, extra in stores:
                (folder / kind).mkdir()
                archive = Archive(kind, folder / kind, store, extra)
                archive.fill(papers, options.dossiers)
                archive.settle()
                print(measure(archive, options.rounds), flush=True)
        finally:
            if garage:
                garage.process.terminate()
                garage.process.wait()


if __name__ == "__main__":
    main()
