"""MIDI files as words, and back, event for event.

A file becomes a text: `1/1024`, its type and the ticks of a quarter note, and then a line for each
track, a word for each event and for what changes before it:

    +512    so many ticks later             n60 o60   note on, note off (middle C is 60)
    v90 w0  the velocity of the notes on, of the notes off, from here on; 64 at the track's start
    c9      the channel from here on; 0 at the track's start
    xff..   any other event, its bytes in hexadecimal numbers (ff5804 is the metre)

Meaning and bytes of the events: https://midi.org/specifications.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from unroll.data.optional import optional
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.music.abc import Found
from unroll.tasks.music.score import Note, Score

WORD = re.compile(r"\S+\s|\S|\s")
METRE, KEY = "xff5804", "xff5902"
TYPES = (0, 1, 2)
DRUMS = 9  # the channel whose notes are no pitches


def mido(module: str = "mido") -> Any:
    """The package that reads and writes MIDI.

    Raises: UserError where it is not installed.
    """
    return optional(module, "reads and writes MIDI")


def midi_text(file: Any) -> str:
    """A mido.MidiFile as words."""
    lines = [f"{file.type}/{file.ticks_per_beat}"]
    lines += [" ".join(track_words(track)) for track in file.tracks]
    return "\n".join(lines) + "\n"


def track_words(track: Any) -> Iterator[str]:
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


def midi_file(text: str) -> Any:
    """The mido.MidiFile of such words.

    Raises: UserError where they are none.

    Example:
        >>> from unroll.tasks.music.midi import midi_file, midi_text
        >>> text = "1/480\\nv90 n60 +480 o60 xff2f00\\n"
        >>> midi_text(midi_file(text)) == text
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
            f"{text[:40]!r} is no MIDI in words ({error}); expected such as 1/480, a line end, and "
            "then v90 n60 +480 o60 xff2f00."
        ) from error
    return file


def track_events(words: list[str]) -> Iterator[Any]:
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


def midi_tunes(path: Path, name: str, problems: Problems) -> Iterator[Found]:
    """The one tune of a MIDI file, all its tracks; one that is cut off or has no notes is bad."""
    damaged = mido("mido.midifiles.meta").KeySignatureError
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.bad(f"{name} cannot be read: {error.strerror or error}.")
        return
    try:
        file = mido().MidiFile(file=io.BytesIO(data))
        text = midi_text(file)
    except (
        EOFError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        damaged,
    ) as error:
        why = str(error) or "it ends in the middle"
        problems.bad(f"{name} is no whole MIDI file ({why}). Make it again, or leave it out.")
        return
    if file.type not in TYPES or file.ticks_per_beat <= 0:
        problems.bad(
            f"{name} is of type {file.type} with {file.ticks_per_beat} ticks to a quarter note; "
            "expected type 0, 1 or 2, and times in parts of a quarter note, not in seconds."
        )
        return
    if not re.search(r"\bn\d+\s", text):
        problems.bad(f"{name} has no notes; expected a tune.")
        return
    yield Found(text, name)


def moved_midi(text: str, semitones: int) -> str:
    """The words so many semitones higher, drums as they are; a key that is said goes along.

    Raises: ValueError where a note would leave the 128 that there are.
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


TICKS = 480  # of a quarter note, in files of ours
LOUDNESS = 80


def score_midi(score: Score) -> Any:
    """A score as a mido.MidiFile of one track: tempo, metre, key and notes."""
    meta = mido().MetaMessage
    notes, beat = score.metre
    sharps = max(-7, min(score.fifths, 7))
    events: list[tuple[int, int, Any]] = [
        (0, 0, meta("track_name", name=score.title.encode("latin-1", "replace").decode("latin-1"))),
        (0, 0, meta("time_signature", numerator=min(notes, 255), denominator=beat)),
        (0, 0, meta.from_bytes([0xFF, 0x59, 2, sharps % 256, int(score.minor)])),
    ]
    for since, tempo in score.tempos:
        micro = min(round(60e6 / tempo), 0xFFFFFF)
        events.append((round(since * TICKS), 0, meta("set_tempo", tempo=micro)))
    for start, length, pitch in score.notes:
        if not 0 <= pitch < 128:
            continue
        begin, end = round(start * TICKS), round((start + length) * TICKS)
        on = mido().Message("note_on", note=pitch, velocity=LOUDNESS)
        events.append((begin, 2, on))
        events.append((max(end, begin + 1), 1, mido().Message("note_off", note=pitch, velocity=0)))
    events.sort(key=lambda event: event[:2])
    events.append((max(round(score.length * TICKS), events[-1][0]), 3, meta("end_of_track")))
    track, now = mido().MidiTrack(), 0
    for at, _, event in events:
        event.time, now = at - now, at
        track.append(event)
    return mido().MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track])


def midi_score(text: str) -> Score:
    """What a MIDI file in words sounds like: the notes of all tracks, drums left out.

    Example:
        >>> from unroll.tasks.music.midi import midi_score
        >>> score = midi_score("1/480\\nv90 n60 +480 o60 +480 xff2f00\\n")
        >>> score.notes[0].pitch, float(score.notes[0].length), float(score.length)
        (60, 1.0, 2.0)
    """
    file = midi_file(text)
    ticks = file.ticks_per_beat
    notes: list[Note] = []
    tempos: dict[Fraction, float] = {}
    metre, fifths, minor, title, longest = (4, 4), 0, False, "", Fraction(0)
    for track in file.tracks:
        now, sounding = 0, dict[tuple[int, int], int]()
        for event in track:
            now += event.time
            at = Fraction(now, ticks)
            if event.type == "set_tempo":
                tempos[at] = 60e6 / max(1, event.tempo)
            elif event.type == "time_signature" and not notes:
                metre = (event.numerator, event.denominator)
            elif event.type == "key_signature" and not notes:
                sharps, mode = event.bytes()[3:5]
                fifths, minor = (sharps + 128) % 256 - 128, bool(mode)
            elif event.type == "track_name":
                title = title or event.name
            elif event.type in ("note_on", "note_off") and event.channel != DRUMS:
                key = (event.channel, event.note)
                begun = sounding.pop(key, None)
                if begun is not None:
                    notes.append(Note(Fraction(begun, ticks), Fraction(now - begun, ticks), key[1]))
                if event.type == "note_on" and event.velocity:
                    sounding[key] = now
        longest = max(longest, Fraction(now, ticks))
        notes += [
            Note(Fraction(begun, ticks), Fraction(now - begun, ticks), note)
            for (_, note), begun in sounding.items()
        ]
    tempos.setdefault(Fraction(0), 120.0)
    return Score(
        title, tuple(sorted(notes)), metre, fifths, minor, tuple(sorted(tempos.items())), longest
    )


def in_bytes(file: Any) -> bytes:
    """A mido.MidiFile as the bytes of a .mid."""
    kept = io.BytesIO()
    file.save(file=kept)
    return kept.getvalue()
