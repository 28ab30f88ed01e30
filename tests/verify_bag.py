#!/usr/bin/env python3
"""Verifies an exported dossier against the archive's log: each document's entry is proved under a signed checkpoint, and commits to the
file in the bag. The bag's own digests are for `bagit.py --validate` and `sha256sum -c`. Exit code 0: all holds; 1: something does not."""

import argparse, hashlib, json, pathlib, sys
from verify_log import inclusion, need, sha, verifier_key

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("bag", type=pathlib.Path)
parser.add_argument("--key", required=True, help="the log's verifier key, from elsewhere than the bag; or a file with it, such as lantai.json")
given = parser.parse_args()
try:
    vkey, data = verifier_key(given.key), given.bag / "data"
    documents = json.loads((data / "metadata.json").read_bytes())["documents"]
    for document in documents:
        name = data / "proofs" / document["id"]
        entry = name.with_suffix(".entry.json").read_bytes()
        index = inclusion(name.with_suffix(".tlog-proof").read_bytes(), entry, vkey)
        about, digest = json.loads(entry), hashlib.sha256((data / document["path"]).read_bytes()).digest()
        need(about["document"] == document["id"] and index == document["log_index"], "an entry is another document's")
        need(about["object"]["commitment"] == sha(bytes.fromhex(document["salt"]), digest).hex(), f"{document['path']} is not what was archived")
    print(f"{len(documents)} documents are in the log as they are in the bag")
except Exception as error:
    sys.exit(f"wrong: {type(error).__name__}: {error}")
