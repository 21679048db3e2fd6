"""MIDI files as words, and back, event for event.

A file becomes a text: `1/1024`, its type and the ticks of a quarter note, then one line for each track,
with one word for each event and for what changes before it:

    +512    so many ticks later             n60 o60   note on, note off (middle C is 60)
    v90 w0  the velocity of notes on and of notes off from here on; 64 at the start of a track
    c9      the channel from here on; 0 at the start of a track
    xff..   any other event, its bytes in hexadecimal digits (ff5804 is the metre)

Meaning and bytes of events: https://midi.org/specifications.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.files.regular_files import CannotOpen, read_regular
from unroll.data.optional import optional
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.music.abc import Tune

WORD = re.compile(r"\S+\s|\S|\s")
METRE, KEY = "xff5804", "xff5902"
TYPES = (0, 1, 2)
MOST_BYTES = 1 << 26  # of a file
MOST_TICKS = (1 << 28) - 1  # between two events, as the standard has it
LONGEST_RUN = 1024  # bytes above 127 in a row: more than any text of an event has
DRUMS = 9  # the channel whose notes are not pitches


def mido(module: str = "mido") -> Any:
    """The package that reads and writes MIDI, or a module of it.

    Raises:
        UserError: where it is not installed.
    """
    return optional(module, "reads and writes MIDI")


class MidiBytes(io.BytesIO):
    """The bytes of a MIDI file; a number without an end, whose reading is quadratic, raises."""

    run = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.run = self.run + 1 if size == 1 and data >= b"\x80" else 0
        if self.run > LONGEST_RUN:
            raise ValueError(f"more than {LONGEST_RUN:,} bytes above 127 in a row")
        return data


def midi_to_words(file: Any) -> str:
    """A mido.MidiFile as words."""
    lines = [f"{file.type}/{file.ticks_per_beat}"]
    lines += [" ".join(track_words(track)) for track in file.tracks]
    return "\n".join(lines) + "\n"


def track_words(track: Any) -> Iterator[str]:
    """The words of a mido.MidiTrack."""
    channel, velocity = 0, {"note_on": 64, "note_off": 64}
    for event in track:
        if event.time:
            yield f"+{event.time}"
        if event.type not in velocity:
            yield "x" + bytes(event.bytes()).hex()
            continue
        if event.channel != channel:
            channel = event.channel
            yield f"c{channel}"
        on = event.type == "note_on"
        if event.velocity != velocity[event.type]:
            velocity[event.type] = event.velocity
            yield f"{'v' if on else 'w'}{event.velocity}"
        yield f"{'n' if on else 'o'}{event.note}"


def words_to_midi(text: str) -> Any:
    """The mido.MidiFile of a text in words.

    Raises:
        UserError: where the text is not MIDI in words.

    Examples:
        >>> from unroll.tasks.music.midi import midi_to_words, words_to_midi
        >>> text = "1/480\\nv90 n60 +480 o60 xff2f00\\n"
        >>> midi_to_words(words_to_midi(text)) == text
        True
    """
    head, *tracks = text.removesuffix("\n").split("\n")
    damaged = mido("mido.midifiles.meta").KeySignatureError
    try:
        kind, ticks = head.split("/")
        file = mido().MidiFile(type=int(kind), ticks_per_beat=int(ticks))
        for words in tracks:
            file.tracks.append(mido().MidiTrack(track_events(words.split())))
    except (ValueError, IndexError, damaged) as error:
        raise UserError(
            f"{text[:40]!r} is not MIDI in words ({error}); expected, for example, 1/480, a line end, "
            "and v90 n60 +480 o60 xff2f00."
        ) from error
    return file


def track_events(words: list[str]) -> Iterator[Any]:
    """The events of the words of a track, as mido messages.

    Raises:
        ValueError: for a word that is none of the kinds.
    """
    time, channel, velocity = 0, 0, {"n": 64, "o": 64}
    message = mido().Message
    for word in words:
        kind, value = word[0], word[1:]
        if kind == "+":
            time += int(value)
        elif kind == "c":
            channel = int(value)
        elif kind in "vw":
            velocity["n" if kind == "v" else "o"] = int(value)
        else:
            if kind in "no":
                name = "note_on" if kind == "n" else "note_off"
                note, strength = int(value), velocity[kind]
                event = message(name, channel=channel, note=note, velocity=strength)
            elif kind != "x":
                raise ValueError(f"the word {word}")
            else:
                data = bytes.fromhex(value)
                meta = data[:1] == b"\xff"
                made = mido("mido.midifiles.meta").MetaMessage if meta else message
                event = made.from_bytes(data)
            event.time, time = time, 0
            yield event


def midi_tunes(path: Path, name: str, problems: Problems) -> Iterator[Tune]:
    """The tune of a MIDI file, with all its tracks.

    Args:
        path: the file.
        name: its name in sentences.
        problems: takes a file that is incomplete, has no notes, or counts time in seconds.
    """
    read = mido().MidiFile
    try:
        data = read_regular(path, MOST_BYTES, name, "a MIDI file")
    except CannotOpen as error:
        problems.bad(str(error))
        return
    try:
        file = read(file=MidiBytes(data))
        text = midi_to_words(file)
    except Exception as error:  # mido raises anything for damaged files
        why = str(error) or "it ends too early"
        problems.bad(
            f"{name} is not a complete MIDI file ({why}). Write the file again, or leave it out."
        )
        return
    if file.type not in TYPES or file.ticks_per_beat <= 0:
        problems.bad(
            f"{name} is of type {file.type} with {file.ticks_per_beat} ticks per quarter note; "
            "expected type 0, 1 or 2, and times in ticks per quarter note, not in seconds."
        )
        return
    longest = max((event.time for track in file.tracks for event in track), default=0)
    if longest > MOST_TICKS:
        problems.bad(
            f"{name} has {longest:,} ticks between two events; expected at most {MOST_TICKS:,}."
        )
        return
    if not re.search(r"\bn\d+\s", text):
        problems.bad(f"{name} has no notes; expected a tune with notes.")
        return
    yield Tune(text, name, name)


def transpose_midi(text: str, semitones: int) -> str:
    """Words of MIDI so many semitones higher; key events change too, drums stay.

    Raises:
        ValueError: where a note would lie outside 0 to 127.
    """
    channel = 0
    new = []
    for word in WORD.findall(text):
        body, tail = word.rstrip(), word[len(word.rstrip()) :]
        if body[:1] == "c":
            channel = int(body[1:])
        elif "\n" in tail:
            channel = 0
        if body[:1] in ("n", "o") and channel != DRUMS:
            note = int(body[1:]) + semitones
            if not 0 <= note < 128:
                raise ValueError(f"note {note}")
            body = f"{body[0]}{note}"
        elif body.startswith(KEY):
            sharps, minor = bytes.fromhex(body[len(KEY) :])
            sharps = (sharps + 128) % 256 - 128  # a signed byte
            sharps = (sharps + 7 * semitones + 5) % 12 - 5  # of -5 to 6 sharps
            body = f"{KEY}{sharps % 256:02x}{minor:02x}"
        new.append(body + tail)
    return "".join(new)
