#!/usr/bin/env python3
"""OCR side by side: Lantai and Tesseract read the same sample pages, in turn.

Needs tesseract with chi_sim and eng in PATH, target/release/lantai (make build), its models (lantai models fetch), and the
sample pages: pictures with the text (.txt) and the key fields (.keys) that stand on them. Lantai reads as the archive does, one
confined process a document, models loaded each time. Tesseract gets the language of each page and finds out how it lies (--psm 1).
Prints the tables of docs/benchmarks-reading.md. Medians over the rounds; only ratios within one run mean anything.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
LANTAI = ROOT / "target/release/lantai"


def normalised(text):
    return "".join(c for c in unicodedata.normalize("NFKC", text) if not c.isspace())


def character_error(truth, read):
    """Order-free: the distance of the two bags of characters, as a part of the truth; no edit distance is smaller."""
    truth, read = collections.Counter(truth), collections.Counter(read)
    return max((truth - read).total(), (read - truth).total()) / truth.total()


def run(command, env):
    """Standard output, wall seconds, peak MiB (of the process or of the children that it waited for)."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = 0
        out.seek(0)
        if status != 0:
            sys.exit(f"{command[0]} failed on {command[-1]}")
        return out.read().decode(), wall, usage.ru_maxrss / 1024


class Lantai:
    name = "lantai"

    def read(self, page, threads):
        out, wall, peak = run([LANTAI, "read", "--json", str(page)], {"LANTAI_OCR_THREADS": str(threads)})
        lines = [line for found in json.loads(out)["reading"]["pages"] for line in found["lines"]]
        others = "".join(line.get("other") or "" for line in lines)
        return "".join(line["text"] for line in lines), others, wall, peak


class Tesseract:
    name = "tesseract"

    def read(self, page, threads):
        language = "eng" if page.name.startswith("e") else "chi_sim"
        command = ["tesseract", str(page), "-", "-l", language, "--psm", "1"]
        out, wall, peak = run(command, {"OMP_THREAD_LIMIT": str(threads)})
        return out, "", wall, peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--samples", type=pathlib.Path, default=ROOT / "../shared/samples/pages")
    options = parser.parse_args()
    pages = sorted(page for page in options.samples.iterdir() if page.suffix in (".jpg", ".tif", ".png"))
    programs = [Lantai(), Tesseract()]
    print("| page | key fields | " + " | ".join(f"{p.name}: found | character error" for p in programs) + " |")
    print("| --- | --- |" + " --- | --- |" * len(programs))
    found, errors, fields = collections.Counter(), collections.defaultdict(list), 0
    figures = collections.defaultdict(list)
    for page in pages:
        truth = normalised(page.with_suffix(".txt").read_text())
        keys = [normalised(key) for key in page.with_suffix(".keys").read_text().splitlines() if key.strip()]
        fields += len(keys)
        row = []
        for program in programs:
            for round in range(options.rounds):
                for threads in (1, 2):
                    text, others, wall, peak = program.read(page, threads)
                    figures[program.name, threads].append((wall, peak))
            text, others = normalised(text), normalised(others)
            hits = sum(key in text or key in others for key in keys)
            error = character_error(truth, text)
            found[program.name] += hits
            errors[program.name].append(error)
            row += [str(hits), f"{100 * error:.2f} %"]
        print(f"| {page.stem} | {len(keys)} | {' | '.join(row)} |", flush=True)
    sums = [x for p in programs for x in (str(found[p.name]), f"{100 * statistics.mean(errors[p.name]):.2f} %")]
    print(f"| all (error: mean) | {fields} | {' | '.join(sums)} |")
    print("\n| | s a page, 1 thread | s a page, 2 threads | peak MiB |\n| --- | --- | --- | --- |")
    for program in programs:
        seconds = [statistics.median(wall for wall, _ in figures[program.name, threads]) for threads in (1, 2)]
        peak = max(peak for threads in (1, 2) for _, peak in figures[program.name, threads])
        print(f"| {program.name} | {seconds[0]:.2f} | {seconds[1]:.2f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
