#!/usr/bin/env python3
"""Verifies a published log from the specifications alone: C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof; RFC 6962 and
RFC 9162 (trees and proofs), RFC 8785 (canonical JSON). Needs the package `cryptography`. Exit code 0: all holds; 1: something does not."""

import argparse, base64, hashlib, json, pathlib, struct, sys, urllib.error, urllib.request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def need(holds, what):
    if not holds:
        raise ValueError(what)

sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
leaf = lambda entry: sha(b"\0", entry)
node = lambda left, right: sha(b"\1", left, right)

def b64(text, size=None):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text and size in (None, len(data)), "base64")
    return data

def number(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text, f"number {text!r}")
    return int(text)

def checkpoint(note, vkey):
    """The size and root that a signed checkpoint states."""
    name, key_id, key = vkey.split("+", 2)
    key, text = b64(key, 33), note.decode()
    need(key[0] == 1 and sha(name.encode(), b"\n", key)[:4].hex() == key_id, "the verifier key")
    need(all(c >= " " or c == "\n" for c in text) and text.endswith("\n"), "the note's characters")
    body, _, signatures = text.rpartition("\n\n")
    body, good = body + "\n", 0
    for line in signatures[:-1].split("\n"):
        dash, signer, signature = line.split(" ")
        signature = b64(signature)
        need(dash == "\u2014" and len(signature) > 4, "a signature line")
        if (signer, signature[:4].hex()) == (name, key_id):
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], body.encode())
            good += 1
    need(good, "there is no signature of this key")
    origin, size, root, *extensions = body[:-1].split("\n")
    need(origin == name and all(extensions), "the checkpoint's lines")
    return number(size), b64(root, 32)

def tree(hashes):
    """The root over these hashes (RFC 6962, 2.1): whole subtrees are merged as they come up, the rest from the right."""
    stack = []
    for at, value in enumerate(hashes):
        while at & 1:
            value, at = node(stack.pop(), value), at >> 1
        stack.append(value)
    root = stack.pop() if stack else sha()
    while stack:
        root = node(stack.pop(), root)
    return root

def climb(path, fn, sn, value, old=None):
    """RFC 9162, 2.1.3.2 and, with an `old` hash beside, 2.1.4.2: where the path leads to."""
    for other in path:
        need(sn, "the proof is too long")
        if fn & 1 or fn == sn:
            value, old = node(other, value), old and node(other, old)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = node(value, other)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "the proof is too short")
    return value, old

def inclusion(proof, entry, vkey):
    """That a .tlog-proof proves this entry; its index."""
    head, _, note = proof.decode().partition("\n\n")
    lines = head.split("\n")
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "the proof's first line")
    if lines[0].startswith("extra "):
        b64(lines.pop(0)[6:])
    word, index = lines.pop(0).split(" ")
    index, (size, root) = number(index), checkpoint(note.encode(), vkey)
    need(word == "index" and index < size, "the proof's index")
    need(climb([b64(line, 32) for line in lines], index, size - 1, leaf(entry))[0] == root, "the inclusion proof")
    return index

def consistency(text, old, vkey):
    """That a consistency proof leads from an old (size, root) to the checkpoint in it; its size."""
    head, _, note = text.decode().partition("\n\n")
    first, *lines = head.rstrip("\n").split("\n")
    path, (size, root) = [b64(line, 32) for line in lines], checkpoint(note.encode(), vkey)
    need(first == f"old {old[0]}" and 0 < old[0] <= size, "the sizes of the consistency proof")
    if old[0] == size:
        need(not path and old[1] == root, "two roots of one size")
        return size
    if old[0] & (old[0] - 1) == 0:
        path.insert(0, old[1])
    fn, sn = old[0] - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    need(climb(path[1:], fn, sn, path[0], path[0]) == (root, old[1]), "the consistency proof")
    return size

def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    need(not isinstance(value, float) and (not isinstance(value, int) or abs(value) < 2**53), "a number")
    return json.dumps(value, ensure_ascii=False)

def name(level, index, width):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else "")

def entries_of(bundle, width):
    """The records of a bundle, each with its length before it."""
    records, at = [], 0
    while at < len(bundle):
        end = at + 2 + struct.unpack_from(">H", bundle, at)[0]
        need(end <= len(bundle), "a bundle breaks off")
        records.append(bundle[at:end])
        at = end
    need(len(records) >= width, "a bundle is too short")
    return records[:width]

def whole_log(read, listed, vkey):
    """Every entry, tile and bundle under the checkpoint, and whatever else lies beside them; size and leaf hashes."""
    size, root = checkpoint(read("checkpoint"), vkey)
    records, widths = [], lambda count: [(at // 256, min(256, count - at)) for at in range(0, count, 256)]
    for index, width in widths(size):
        try:
            bundle = read(name("entries", index, width))
        except FileNotFoundError:  # the full one has taken its place
            bundle = read(name("entries", index, 256))
        records += entries_of(bundle, width)
    for record in records:
        need(canonical(json.loads(record[2:])).encode() == record[2:], "an entry is not canonical JSON")
    levels = {"entries": records, 0: [leaf(record[2:]) for record in records]}
    need(tree(levels[0]) == root, "the root is not the checkpoint's")
    level, expected = 0, {name("entries", i, w): b"".join(records[i * 256 : i * 256 + w]) for i, w in widths(size)}
    while hashes := levels[level]:
        expected |= {name(level, i, w): b"".join(hashes[i * 256 : i * 256 + w]) for i, w in widths(len(hashes))}
        levels[level + 1] = [tree(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
        level += 1
    later = 0
    for path in {*expected, *listed}:
        if path not in expected:  # an earlier state, or one that is not under the checkpoint yet
            parts = path.removeprefix("tile/").split("/")
            width = number(parts.pop()) if ".p/" in path else 256
            kind = parts[0] if parts[0] == "entries" else number(parts[0])
            index = int("".join(part.strip("x").removesuffix(".p") for part in parts[1:]))
            need(0 < width <= 256 and name(kind, index, width) == path, f"{path} is no name of a tile")
            held = levels.get(kind, [])[index * 256 : index * 256 + width]
            later += len(held) < width
            expected[path] = b"".join(held) if len(held) == width else None
        try:
            found = read(path)
        except FileNotFoundError:
            need(".p/" in path, f"{path} is missing")
            found = read(path.split(".p/")[0])[: len(expected[path])]
        need(expected[path] in (None, found), f"{path} is not what the entries make")
    return size, levels[0], len(expected) - later, later

def verifier_key(given):
    """The key itself, or what a file says: a key, or the archive's lantai.json."""
    text = given if "+" in given else pathlib.Path(given).read_text().strip()
    return json.loads(text)["log_verifier_key"] if text.startswith("{") else text

def source(place, token):
    """How to read an object of the log at a folder or URL, and what lies there, if that can be seen."""
    if not place.startswith(("http://", "https://")):
        folder = pathlib.Path(place)
        files = [path for path in (folder / "tile").rglob("*") if path.is_file()]
        return (lambda path: (folder / path).read_bytes()), [str(path.relative_to(folder)) for path in files]

    def read(path):
        request = urllib.request.Request(f"{place.rstrip('/')}/{path}", headers=token and {"Authorization": f"Bearer {token}"} or {})
        try:
            return urllib.request.urlopen(request).read()
        except urllib.error.HTTPError as error:
            raise FileNotFoundError(path) if error.code == 404 else error
    return read, []

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", nargs="?", help="the folder journal/ of a bucket, or the URL of a server's /log")
    parser.add_argument("--key", required=True, help="the log's verifier key, or a file: lantai.json or one with the key")
    parser.add_argument("--token-file", type=pathlib.Path, help="for entry bundles of a server")
    parser.add_argument("--old", type=pathlib.Path, help="an older checkpoint, which the log must continue")
    parser.add_argument("--consistency", type=pathlib.Path, help="what /log/consistency answered for --old")
    parser.add_argument("--proof", type=pathlib.Path, help="a .tlog-proof of --entry")
    parser.add_argument("--entry", type=pathlib.Path)
    given = parser.parse_args()
    try:
        vkey = verifier_key(given.key)
        old = given.old and checkpoint(given.old.read_bytes(), vkey)
        if given.log:
            token = given.token_file and given.token_file.read_text().split()[-1]
            size, leaves, objects, later = whole_log(*source(given.log, token), vkey)
            print(f"{size} entries, {objects} tiles and bundles: all hold" + (f" ({later} lie after the checkpoint)" if later else ""))
            if old:
                need(old[0] <= size and tree(leaves[: old[0]]) == old[1], "the log does not continue the older checkpoint")
                print(f"the log continues the checkpoint of {old[0]} entries")
        if given.consistency:
            print(f"{old[0]} entries are the beginning of {consistency(given.consistency.read_bytes(), old, vkey)}")
        if given.proof:
            print(f"the entry is number {inclusion(given.proof.read_bytes(), given.entry.read_bytes(), vkey)} of the log")
    except Exception as error:  # whatever cannot be read as the standards say is as wrong as what does not add up
        sys.exit(f"wrong: {type(error).__name__}: {error}")

if __name__ == "__main__":
    main()
