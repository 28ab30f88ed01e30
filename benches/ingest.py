#!/usr/bin/env python3
"""Ingest side by side: Lantai, rclone (crypt) and restic put the same files into the same Garage, in turn.

Needs garage, rclone and restic in PATH, and target/release/lantai (make build). Lantai's figures go from the start of the
command to the last acknowledged document: hashed, sealed, put, recorded, in the published log.
Prints the tables of docs/benchmarks.md. Medians over the rounds; only ratios within one run mean anything.
"""

import argparse
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
# Some machines set a certificate bundle that the peers' AWS library cannot take; nothing here uses TLS.
os.environ.pop("AWS_CA_BUNDLE", None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(what, check, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"{what} did not start")


def fetch(url, headers=None, data=None):
    request = urllib.request.Request(url, headers=headers or {}, data=data)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


class Garage:
    def __init__(self, folder):
        self.port, rpc, admin = free_port(), free_port(), free_port()
        self.key, self.secret = "GK" + secrets.token_hex(12), secrets.token_hex(32)
        token = secrets.token_hex(16)
        config = folder / "garage.toml"
        config.write_text(
            f"""metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "lmdb"
replication_factor = 1
compression_level = "none"
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secrets.token_hex(32)}"
[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:{self.port}"
[admin]
api_bind_addr = "127.0.0.1:{admin}"
admin_token = "{token}"
"""
        )
        config.chmod(0o600)
        env = dict(os.environ, RUST_LOG="garage=warn", GARAGE_DEFAULT_ACCESS_KEY=self.key,
                   GARAGE_DEFAULT_SECRET_KEY=self.secret, GARAGE_DEFAULT_BUCKET="bench")
        self.process = subprocess.Popen(
            [os.environ.get("LANTAI_GARAGE", "garage"), "-c", config, "server", "--single-node", "--default-bucket"],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        info = f"http://127.0.0.1:{admin}/v2/GetBucketInfo?globalAlias=bench"
        wait("garage", lambda: b"accessKeyId" in fetch(info, {"Authorization": f"Bearer {token}"}))

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def run(command, env):
    """Runs a command: wall seconds, CPU seconds, peak MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command[0]} failed: {process.stderr.read().decode()[-500:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Lantai:
    """An archive of its own, with one dossier."""

    def __init__(self, folder, garage, at_once):
        self.folder, self.at_once, self.port = folder / self.name.replace(" ", "-"), at_once, free_port()
        self.folder.mkdir()
        self.binary = ROOT / "target/release/lantai"
        prefix = secrets.token_hex(6)
        self.env = dict(os.environ, LANTAI_OBJECTS=f"s3://bench/{prefix}?endpoint={garage.endpoint}&region=garage",
                        LANTAI_S3_ACCESS_KEY=garage.key, LANTAI_S3_SECRET_KEY=garage.secret, LANTAI_LOG_FILTER="warn")
        self.data = ["--data", str(self.folder / "data")]
        subprocess.run([self.binary, "init", "--recovery-out", self.folder / "recovery.key", *self.data], env=self.env,
                       check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run([self.binary, "token", "create", "--name", "bench", "--role", "cs_staff", *self.data],
                              env=self.env, check=True, capture_output=True, text=True)
        self.token = self.folder / "token"
        self.token.write_text(made.stdout.split()[-1])
        self.start()
        auth = {"Authorization": "Bearer " + self.token.read_text(), "content-type": "application/json"}
        facts = {"kind": "customer", "facts": {"name": "bench", "kind": "person", "discloses": True}}
        self.dossier = json.loads(fetch(f"{self.url}/api/v1/dossiers", auth, json.dumps(facts).encode()))["id"]
        self.put_here = [self.binary, "put", "--dossier", self.dossier, "--kind", "trust_contract", "--at-once",
                         str(self.at_once)]

    def start(self):
        self.server = subprocess.Popen([self.binary, "serve", "--listen", f"127.0.0.1:{self.port}", *self.data],
                                       env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait("lantai", lambda: fetch(f"{self.url}/healthz"))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


class Import(Lantai):
    """One process that reads the files and puts them, as the peers are."""

    name = "lantai put"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        super().close()

    def put(self, files):
        return run([*self.put_here, "--as", "bench", *self.data, *files], self.env)

    def settle(self):
        pass

    close = settle


class Server(Lantai):
    """The upload endpoint of a running server, and the client that sends the files to it."""

    name = "lantai put --server, client and server"

    def put(self, files):
        before = cpu_of(self.server.pid)
        wall, cpu, peak = run([*self.put_here, "--server", self.url, "--token-file", self.token, *files], self.env)
        return wall, cpu + cpu_of(self.server.pid) - before, peak + peak_of(self.server.pid)

    def settle(self):
        """Waits until the jobs that the last round left are done, so that they do not weigh on the next program."""
        wait("the job queue", lambda: b"lantai_jobs_waiting 0" in fetch(f"{self.url}/metrics"), 300)


class Rclone:
    name = "rclone copy, crypt"

    def __init__(self, folder, garage, at_once):
        self.at_once, self.config, self.count = at_once, folder / "rclone.conf", 0
        obscure = lambda word: subprocess.run(["rclone", "obscure", word], capture_output=True, text=True, check=True).stdout.strip()
        self.config.write_text(
            f"""[garage]
type = s3
provider = Other
access_key_id = {garage.key}
secret_access_key = {garage.secret}
endpoint = {garage.endpoint}
region = garage
force_path_style = true

[sealed]
type = crypt
remote = garage:bench/rclone-{secrets.token_hex(4)}
password = {obscure(secrets.token_hex(16))}
password2 = {obscure(secrets.token_hex(16))}
""")

    def put(self, files):
        self.count += 1
        source = pathlib.Path(files[0]).parent
        return run(["rclone", "--config", self.config, "copy", source, f"sealed:{self.count}", "--transfers",
                    str(self.at_once), "--s3-chunk-size", "8M", "--s3-upload-concurrency", "2"], dict(os.environ))

    def settle(self):
        pass

    close = settle


class Restic:
    name = "restic backup"

    def __init__(self, folder, garage, at_once):
        self.folder, self.garage = folder, garage

    def put(self, files):
        env = dict(os.environ, AWS_ACCESS_KEY_ID=self.garage.key, AWS_SECRET_ACCESS_KEY=self.garage.secret,
                   AWS_DEFAULT_REGION="garage", RESTIC_PASSWORD=secrets.token_hex(8),
                   RESTIC_REPOSITORY=f"s3:{self.garage.endpoint}/bench/restic-{secrets.token_hex(4)}",
                   RESTIC_CACHE_DIR=str(self.folder / "restic-cache"))
        subprocess.run(["restic", "init", "--quiet"], env=env, check=True, stdout=subprocess.DEVNULL)
        return run(["restic", "backup", "--quiet", str(pathlib.Path(files[0]).parent)], env)

    def settle(self):
        pass

    close = settle


def make_files(folder, count, size):
    folder.mkdir()
    files = []
    for number in range(count):
        path = folder / f"{number:05}.bin"
        with open(path, "wb") as out:
            left = size
            while left > 0:
                piece = os.urandom(min(left, 1 << 22))
                out.write(piece)
                left -= len(piece)
        files.append(str(path))
    return files


def compare(title, programs, garage, files, rounds):
    figures = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            before = cpu_of(garage.process.pid)
            figure = program.put(files)
            figures[program.name].append((*figure, cpu_of(garage.process.pid) - before))
            program.settle()
    medians = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in figures.items()}
    peers = [row for name, row in medians.items() if not name.startswith("lantai")]
    print(f"\n{title}; medians of {rounds} rounds in turn\n")
    print("| | wall s | CPU s | peak MiB | Garage's CPU s |\n| --- | --- | --- | --- | --- |")
    for name, (wall, cpu, peak, store) in medians.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {store:.2f} |")
    wall, cpu = (min(row[column] for row in peers) for column in (0, 1))
    for name in [name for name in medians if name.startswith("lantai")]:
        ours = medians[name]
        print(f"| {name}, as a part of the best peer | {ours[0] / wall:.2f} | {ours[1] / cpu:.2f} | | |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--file-bytes", type=int, default=300_000)
    parser.add_argument("--large-bytes", type=int, default=1 << 30)
    parser.add_argument("--at-once", type=int, default=8)
    options = parser.parse_args()
    for program in ["rclone", "restic", os.environ.get("LANTAI_GARAGE", "garage")]:
        if not shutil.which(program):
            sys.exit(f"{program} is not installed")
    with tempfile.TemporaryDirectory(prefix="lantai-bench-") as name:
        folder = pathlib.Path(name)
        garage = Garage(folder)
        programs = [kind(folder, garage, options.at_once) for kind in (Import, Server, Rclone, Restic)]
        try:
            small = make_files(folder / "small", options.files, options.file_bytes)
            compare(f"{options.files} files of {options.file_bytes // 1000} KB, {options.at_once} at once", programs, garage,
                    small, options.rounds)
            shutil.rmtree(folder / "small")
            large = make_files(folder / "large", 1, options.large_bytes)
            compare(f"one file of {options.large_bytes / (1 << 30):g} GiB", programs, garage, large, options.rounds)
        finally:
            for program in programs:
                program.close()
            garage.process.terminate()
            garage.process.wait()


if __name__ == "__main__":
    main()
