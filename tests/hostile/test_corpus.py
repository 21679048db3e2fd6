"""Files that have broken readers, in the place of each reader's data and of a file that the data name."""

import bz2
import gzip
import json
import os
import random
import shutil
import socket
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.hostile.seeds import SEEDS
from tests.hostile.trial import attempt

MB = 1 << 20


def empty(path):
    path.write_bytes(b"")


def only_nul(path):
    path.write_bytes(b"\0" * 1000)


def noise(path):
    path.write_bytes(random.Random(0).randbytes(5000))


def folder_in_its_place(path):
    path.mkdir()


def broken_link(path):
    path.symlink_to("nowhere")


def link_to_itself(path):
    path.symlink_to(path.name)


def endless_device(path):
    path.symlink_to("/dev/zero")


def pipe(path):
    os.mkfifo(path)


def listening_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def line_of_three_megabytes(path):
    path.write_bytes(b"word " * (3 * MB // 5) + b"\n")


def word_of_a_megabyte(path):
    path.write_bytes(b"a" * MB + b"\nb\n")


def many_columns(path):
    path.write_text("\n".join([",".join(map(str, range(5000)))] * 3))


def unclosed_quotes(path):
    path.write_bytes(b'x","\n' * 2000)


def deep_json(path):
    path.write_text("[" * 100_000)


def deep_objects(path):
    path.write_text('{"a":' * 50_000 + "1" + "}" * 50_000)


def number_of_many_digits(path):
    path.write_text(
        json.dumps({"text": 1})[:-2] + "9" * 10_000 + "}\n" + "L:1/" + "9" * 10_000 + "\n"
    )


def utf_16(path):
    path.write_text("a table,of words\n" * 20, encoding="utf-16")


def windows_text(path):
    path.write_bytes("It’s “naïve”, a\n".encode("cp1252") * 20)


def control_characters(path):
    path.write_bytes(b"text,label\n" + b"\x1b]0;title\x07\x1b[31m word,\x1b[2J\n" * 20)


def packed_zeros(path):
    """30 MB of zeros in 30 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"\0" * MB
    path.write_bytes(b"".join(packer.compress(block) for _ in range(30)) + packer.flush())


def packed_line(path):
    """One line of 30 MB in 30 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"a" * MB
    path.write_bytes(b"".join(packer.compress(block) for _ in range(30)) + packer.flush())


def cut_gzip(path):
    path.write_bytes(gzip.compress(b"text,label\n" * 100)[:-9])


def cut_bzip2(path):
    path.write_bytes(bz2.compress(b"text,label\n" * 100)[:-9])


def zip_of_two(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.csv", "text,label\na,b\n")
        file.writestr("b.csv", "text,label\na,b\n")


def zip_that_leaves(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../a.csv", "text,label\na,b\n")


def png_of_four_million_columns(path):
    Image = pytest.importorskip("PIL.Image")
    Image.new("1", (4_000_000, 1)).save(path, "PNG")


def wav_that_promises_much(path):
    head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\xff\xff\x80>\0\0\0}\0\0\x02\0\x10\0data"
    path.write_bytes(head + b"\xff\xff\xff\xff" + b"\0" * 100)


def midi_that_promises_much(path):
    path.write_bytes(b"MThd\0\0\0\6\0\1\xff\xff\1\xe0MTrk\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f")


def unclosed_fields(path):
    path.write_text("X:1\nM:4/4\nL:1/8\nK:C\n" + "[a:" * 20_000)


KINDS = [
    empty, only_nul, noise, folder_in_its_place, broken_link, link_to_itself, endless_device, pipe,
    listening_socket, line_of_three_megabytes, word_of_a_megabyte, many_columns, unclosed_quotes,
    deep_json, deep_objects, number_of_many_digits, utf_16, windows_text, control_characters,
    packed_zeros, packed_line, cut_gzip, cut_bzip2, zip_of_two, zip_that_leaves,
    png_of_four_million_columns, wav_that_promises_much, midi_that_promises_much, unclosed_fields,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", SEEDS)
def test_hostile_files_end_in_a_result_or_a_sentence(name, kind, tmp_path, monkeypatch):
    seed = SEEDS[name]
    if seed.needs is not None:
        pytest.importorskip(seed.needs)
    valid = tmp_path / "valid"
    valid.mkdir()
    data = seed.make(valid)
    named = sorted(p.relative_to(valid) for p in valid.rglob("*") if p.is_file())
    others = [each for each in named if each != Path(data)]
    for place in (Path(data), *others[:1]):
        trial = tmp_path / f"trial-{place.name}"
        shutil.copytree(valid, trial)
        monkeypatch.chdir(trial)
        if (trial / place).is_dir():
            shutil.rmtree(trial / place)
        else:
            (trial / place).unlink()
        kind(trial / place)
        for given in (True, False):
            outcome = attempt(seed, data, named=given)
            assert outcome.kind != "fault", outcome.detail
