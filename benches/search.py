#!/usr/bin/env python3
"""The search index beside other engines, on a corpus of its own (benches/search).

    python3 benches/search.py [--pages 20000,200000] [--peers sqlite,xapian,postgres] [--cache MIB] [--build-plain] [--work DIR] [--seed N]

Builds the sealed index, copies it without sealing, part by part, asks both in turn (cold and warm, 1 and 8 clients), and then the peers that are found: SQLite FTS5
(Python's own), Xapian (python3-xapian) and PostgreSQL (python3-psycopg2; a cluster of its own is made and removed). Peers get the text cut into
pairs of characters, since none of them cuts Chinese. They answer with the best ten and their texts; the index of Lantai counts all hits, too.
Prints tables and writes what is in them to WORK/results.json.
"""

import argparse
import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HAN = "\u4e00-\u9fff"
KINDS = ["word", "words", "phrase", "name", "number", "narrowed", "combined, everywhere", "combined, own dossiers"]
KEEPERS = 50  # as in benches/search/corpus.rs
PEER_QUERIES = 100
PEER_SECONDS = 5
HITS = 10


def tokens(text):
    """Pairs of Han characters, and runs of letters and digits, in their order."""
    found = []
    for run in re.findall(f"[{HAN}]+|[A-Za-z0-9]+", text):
        if ord(run[0]) < 128 or len(run) == 1:
            found.append(run.lower())
        else:
            found.extend(run[at : at + 2] for at in range(len(run) - 1))
    return found


def meaning(text):
    """The pieces that must all be there, as token rows, with kind and year if they narrow."""
    kind = re.search(r"kind:(\S+)", text)
    year = re.search(r"date:(\d{4})", text)
    rest = re.sub(r"(kind|date):\S+", "", text)
    pieces = re.findall(r'"([^"]+)"|(\S+)', rest)
    return [tokens(a or b) for a, b in pieces], kind and kind[1], year and year[1]


def shown(text, piece):
    """What a hit shows: 160 characters around the first place."""
    at = max(text.find(piece), 0)
    return text[max(at - 50, 0) : at + 110]


class Sqlite:
    name = "SQLite FTS5"

    def __init__(self, folder):
        self.path = os.path.join(folder, "sqlite.db")
        self.local = threading.local()

    def connection(self):
        if not hasattr(self.local, "it"):
            self.local.it = sqlite3.connect(self.path)
            self.local.it.execute("PRAGMA cache_size=-131072")
        return self.local.it

    def build(self, pages):
        db = self.connection()
        db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE pages(id INTEGER PRIMARY KEY, keeper INTEGER, kind TEXT, date TEXT, text TEXT);"
            "CREATE VIRTUAL TABLE found USING fts5(tokens, content='', tokenize='unicode61');"
        )
        for batch in batches(enumerate(pages)):
            db.executemany(
                "INSERT INTO pages VALUES (?,?,?,?,?)",
                [(at, p["dossier"] % KEEPERS, p["kind"], p["date"], p["title"] + "\n" + p["text"]) for at, p in batch],
            )
            rows = [(at, " ".join(tokens(p["title"] + "\n" + p["text"]))) for at, p in batch]
            db.executemany("INSERT INTO found(rowid, tokens) VALUES (?,?)", rows)
            db.commit()
        db.execute("INSERT INTO found(found) VALUES ('optimize')")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ask(self, pieces, kind, year, keeper):
        match = " AND ".join('"' + " ".join(piece) + '"' for piece in pieces if piece)
        where, values = narrowing(kind, year, keeper, "?")
        sql = f"SELECT p.text FROM found f JOIN pages p ON p.id = f.rowid WHERE found MATCH ?{where} ORDER BY rank LIMIT {HITS}"
        db = self.connection()
        until = time.monotonic() + PEER_SECONDS
        db.set_progress_handler(lambda: time.monotonic() > until, 100_000)
        return [text for (text,) in db.execute(sql, [match, *values])]

    def size(self):
        return os.path.getsize(self.path)

    def close(self):
        pass


class Xapian:
    name = "Xapian"

    def __init__(self, folder):
        import xapian

        self.xapian, self.path, self.local = xapian, os.path.join(folder, "xapian"), threading.local()

    def build(self, pages):
        x = self.xapian
        db = x.WritableDatabase(self.path, x.DB_CREATE_OR_OPEN)
        for page in pages:
            document = x.Document()
            document.set_data(page["title"] + "\n" + page["text"])
            for place, token in enumerate(tokens(page["title"] + "\n" + page["text"])):
                document.add_posting(token[:60], place)
            document.add_boolean_term("XK" + page["kind"])
            document.add_boolean_term(f"XD{page['dossier'] % KEEPERS}")
            document.add_value(1, page["date"])
            db.add_document(document)
        db.commit()
        db.close()

    def ask(self, pieces, kind, year, keeper):
        x = self.xapian
        if not hasattr(self.local, "db"):
            self.local.db = x.Database(self.path)
        phrases = [x.Query(x.Query.OP_PHRASE, piece) if len(piece) > 1 else x.Query(piece[0]) for piece in pieces if piece]
        query = x.Query(x.Query.OP_AND, phrases)
        filters = [x.Query("XK" + kind)] if kind else []
        if year:
            filters.append(x.Query(x.Query.OP_VALUE_RANGE, 1, year, year + "~"))
        if keeper is not None:
            filters.append(x.Query(f"XD{keeper}"))
        for one in filters:
            query = x.Query(x.Query.OP_FILTER, query, one)
        enquire = x.Enquire(self.local.db)
        enquire.set_time_limit(PEER_SECONDS)
        enquire.set_query(query)
        return [match.document.get_data().decode() for match in enquire.get_mset(0, HITS)]

    def size(self):
        return folder_size(self.path)

    def close(self):
        pass


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder):
        import psycopg2

        self.psycopg2, self.data, self.local = psycopg2, os.path.join(folder, "postgres"), threading.local()
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        os.makedirs(self.data)
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres")
            os.chmod(folder, 0o755)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        settings = "-c listen_addresses= -c shared_buffers=512MB -c maintenance_work_mem=512MB -c max_wal_size=4GB"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.data, "log"), "-o", f"-k {self.data} {settings}", "start")

    def run(self, program, *arguments):
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        subprocess.run([*user, os.path.join(self.bin, program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def connection(self):
        if not hasattr(self.local, "it"):
            self.local.it = self.psycopg2.connect(host=self.data, user="postgres", dbname="postgres")
            self.local.it.autocommit = True
            self.local.it.cursor().execute(f"SET statement_timeout = {PEER_SECONDS * 1000}; SET default_text_search_config = 'simple'")
        return self.local.it.cursor()

    def build(self, pages):
        from psycopg2.extras import execute_values

        db = self.connection()
        db.execute("SET statement_timeout = 0")
        db.execute("CREATE TABLE pages(keeper int, kind text, date text, text text, tokens tsvector)")
        row = "(%s,%s,%s,%s,to_tsvector('simple',%s))"
        for batch in batches(pages):
            texts = [(p, p["title"] + "\n" + p["text"]) for p in batch]
            rows = [(p["dossier"] % KEEPERS, p["kind"], p["date"], text, " ".join(tokens(text))) for p, text in texts]
            execute_values(db, "INSERT INTO pages VALUES %s", rows, row, page_size=1000)
        db.execute("CREATE INDEX ON pages USING gin(tokens)")
        db.execute("CREATE INDEX ON pages(keeper)")
        db.execute("VACUUM ANALYZE pages")
        db.execute(f"SET statement_timeout = {PEER_SECONDS * 1000}")

    def ask(self, pieces, kind, year, keeper):
        match = " && ".join(["phraseto_tsquery(%s)"] * len(pieces))
        where, values = narrowing(kind, year, keeper, "%s")
        sql = f"SELECT text FROM pages p, (SELECT {match} AS q) AS q WHERE tokens @@ q{where} ORDER BY ts_rank(tokens, q) DESC LIMIT {HITS}"
        db = self.connection()
        db.execute(sql, [" ".join(piece) for piece in pieces] + values)
        return [text for (text,) in db.fetchall()]

    def size(self):
        db = self.connection()
        db.execute("SELECT pg_total_relation_size('pages')")
        return db.fetchone()[0]

    def close(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")


PEERS = {"sqlite": Sqlite, "xapian": Xapian, "postgres": Postgres}


def narrowing(kind, year, keeper, mark):
    where, values = "", []
    if kind:
        where, values = f" AND p.kind = {mark}", [kind]
    if year:
        where, values = where + f" AND p.date BETWEEN {mark} AND {mark}", [*values, year, year + "~"]
    if keeper is not None:
        where, values = where + f" AND p.keeper = {mark}", [*values, keeper]
    return where, values


def batches(rows, size=2000):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def folder_size(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def timed(peer, queries, clients):
    """Microseconds by kind."""
    taken = {}

    def one(query):
        pieces, kind, year = meaning(query["text"])
        began = time.perf_counter()
        try:
            for text in peer.ask(pieces, kind, year, query["keeper"]):
                shown(text, query["text"].strip('"'))
        except Exception as error:
            # What takes longer than the limit counts as the limit.
            if time.perf_counter() - began < PEER_SECONDS:
                raise error
        taken.setdefault(query["kind"], []).append((time.perf_counter() - began) * 1e6)

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(one, queries))
    rows = {}
    for kind, times in taken.items():
        times.sort()
        rows[kind] = {"mean": sum(times) / len(times), "p50": times[len(times) // 2], "p99": times[min(len(times) * 99 // 100, len(times) - 1)]}
    return rows


def measure_peer(maker, folder, work):
    peer = maker(work)
    with contextlib.closing(peer):
        began = time.monotonic()
        peer.build(lines(os.path.join(folder, "corpus.jsonl")))
        row = {"seconds": time.monotonic() - began, "size_bytes": peer.size()}
        by_kind = {}
        for query in lines(os.path.join(folder, "queries.jsonl")):
            by_kind.setdefault(query["kind"], []).append(query)
        queries = [query for kind in KINDS for query in by_kind[kind][:PEER_QUERIES]]
        timed(peer, queries, 1)
        row["warm"] = timed(peer, queries, 1)
        return row


def bench_program():
    out = subprocess.run(
        ["cargo", "bench", "--no-run", "--features", "unsealed-peer", "--bench", "search", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout
    built = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return next(one["executable"] for one in built if one.get("target", {}).get("name") == "search" and one.get("executable"))


def dictionary():
    """The dictionary that comes with jieba-rs."""
    metadata = subprocess.run(["cargo", "metadata", "--format-version=1"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    package = next(one for one in json.loads(metadata)["packages"] if one["name"] == "jieba-rs")
    return next(iter(glob.glob(os.path.join(os.path.dirname(package["manifest_path"]), "**", "dict.txt"), recursive=True)))


def measure(program, pages, seed, peers, work, cache, build_plain):
    def run(*arguments):
        done = subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    folder = os.path.join(work, f"corpus-{pages}-{seed}")
    made_path = os.path.join(folder, "made.json")
    if not os.path.exists(made_path):
        made = run("generate", dictionary(), folder, pages, seed)
        with open(made_path, "w") as file:
            json.dump(made, file)
    with open(made_path) as file:
        results = {"corpus": json.load(file), "ours": {}, "peers": {}}
    indexes = {how: os.path.join(work, f"index-{how}") for how in ["sealed", "plain"]}
    for index in indexes.values():
        shutil.rmtree(index, ignore_errors=True)
    if build_plain:
        results["ours"]["plain"] = run("build", folder, indexes["plain"], "plain")
        shutil.rmtree(indexes["plain"])
    results["ours"]["sealed"] = run("build", folder, indexes["sealed"], "sealed")
    # How the parts of an index come out is chance: what is asked beside it has the same ones.
    copied = run("unseal", indexes["sealed"], indexes["plain"])
    results["ours"]["plain"] = {**results["ours"].get("plain", {}), **copied}
    say(pages, results["ours"])
    for how in ["sealed", "plain"]:
        results["ours"][how]["cold"] = run("ask", folder, indexes[how], how, 1, "cold", cache)["kinds"]
    for clients in [1, 8]:
        rounds = {"sealed": [], "plain": []}
        for how in ["sealed", "plain", "plain", "sealed"]:
            rounds[how].append(run("ask", folder, indexes[how], how, clients, "warm", cache))
        for how, both in rounds.items():
            kinds = {k: {f: (both[0]["kinds"][k][f] + both[1]["kinds"][k][f]) / 2 for f in both[0]["kinds"][k]} for k in both[0]["kinds"]}
            results["ours"][how][f"warm{clients}"] = kinds
            results["ours"][how][f"per_second{clients}"] = sum(one["per_second"] for one in both) / 2
            results["ours"][how][f"asking_peak_bytes{clients}"] = max(one["peak_bytes"] for one in both)
    for index in indexes.values():
        shutil.rmtree(index)
    for name in peers:
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            results["peers"][name] = measure_peer(PEERS[name], folder, scratch)
            say(pages, name, results["peers"][name])
    return results


def say(*what):
    print(*what, file=sys.stderr, flush=True)


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def show(pages, results):
    corpus, ours, peers = results["corpus"], results["ours"], results["peers"]
    text = corpus["text_bytes"]
    print(f"\n## {pages:,} pages, {corpus['dossiers']:,} dossiers, {text / 2**20:,.0f} MiB of text")
    rows = []
    for name, one in [("Lantai, sealed", ours["sealed"]), ("the same, not sealed", ours["plain"])]:
        built = f"{one['peak_bytes'] / 2**20:.0f}" if "peak_bytes" in one else ""
        memory = f"{built} / {one['asking_peak_bytes8'] / 2**20:.0f}"
        rows.append([name, f"{one['seconds']:.0f}" if "seconds" in one else "", f"{one['size_bytes'] / 2**20:.0f}", f"{one['size_bytes'] / text:.2f}", memory])
    for key, one in peers.items():
        rows.append([PEERS[key].name, f"{one['seconds']:.0f}", f"{one['size_bytes'] / 2**20:.0f}", f"{one['size_bytes'] / text:.2f}", ""])
    table(["", "built in s", "MiB", "times the text", "peak MiB, building / asking"], rows)
    kinds = list(ours["sealed"]["warm1"])
    cell = lambda one, kind: f"{one[kind]['p50']:.0f} / {one[kind]['p99']:.0f}" if kind in one else ""
    columns = [("sealed", ours["sealed"]["warm1"]), ("not sealed", ours["plain"]["warm1"])]
    columns += [(PEERS[key].name, one["warm"]) for key, one in peers.items()]
    print("\nWarm, one client, p50 / p99 in microseconds:")
    table(["", *[name for name, _ in columns]], [[kind, *[cell(one, kind) for _, one in columns]] for kind in kinds])
    print("\nCold, and with eight clients, p50 / p99 in microseconds:")
    columns = [("sealed, cold", ours["sealed"]["cold"]), ("not sealed, cold", ours["plain"]["cold"])]
    columns += [("sealed, 8", ours["sealed"]["warm8"]), ("not sealed, 8", ours["plain"]["warm8"])]
    table(["", *[name for name, _ in columns]], [[kind, *[cell(one, kind) for _, one in columns]] for kind in kinds])
    for state in ["warm1", "warm8", "cold"]:
        mean = {how: sum(row["mean"] for row in ours[how][state].values()) / len(kinds) for how in ["sealed", "plain"]}
        print(f"\n{state}: mean over all kinds {mean['sealed']:.0f} us sealed, {mean['plain']:.0f} not: {mean['sealed'] / mean['plain']:.2f} times")
    for clients in [1, 8]:
        both = [f"{ours[how][f'per_second{clients}']:.0f}" for how in ["sealed", "plain"]]
        print(f"\n{clients} clients: {both[0]} queries a second sealed, {both[1]} not")


def found_peers():
    found = ["sqlite"]
    for name, module in [("xapian", "xapian"), ("postgres", "psycopg2")]:
        try:
            __import__(module)
            found.append(name)
        except ImportError:
            say(f"{name} is left out: there is no Python module {module}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", default="20000,200000")
    parser.add_argument("--peers")
    parser.add_argument("--cache", type=int, default=128, help="opened pieces of the sealed index, in MiB")
    parser.add_argument("--build-plain", action="store_true", help="also build one that is not sealed, to see what sealing costs there")
    parser.add_argument("--work", default=os.path.join(ROOT, "target", "bench-search"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    peers = found_peers() if options.peers is None else [name for name in options.peers.split(",") if name]
    os.makedirs(options.work, exist_ok=True)
    program = bench_program()
    path = os.path.join(options.work, "results.json")
    for pages in map(int, options.pages.split(",")):
        results = measure(program, pages, options.seed, peers, options.work, options.cache, options.build_plain)
        with open(path, "a") as file:
            file.write(json.dumps({"pages": pages, **results}) + "\n")
        show(pages, results)


if __name__ == "__main__":
    main()
