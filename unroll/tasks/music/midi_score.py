"""Scores as MIDI files, and MIDI in words as scores."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

from unroll.tasks.music.midi import DRUMS, mido, words_to_midi
from unroll.tasks.music.score import DEFAULT_TEMPO, Note, Score

TICKS = 480  # per quarter note, in files that are written here
VELOCITY = 80


def score_to_midi(score: Score) -> Any:
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
        on = mido().Message("note_on", note=pitch, velocity=VELOCITY)
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
    """The score of MIDI in words: the notes of all tracks without drums.

    Examples:
        >>> from unroll.tasks.music.midi_score import midi_score
        >>> score = midi_score("1/480\\nv90 n60 +480 o60 +480 xff2f00\\n")
        >>> score.notes[0].pitch, float(score.notes[0].length), float(score.length)
        (60, 1.0, 2.0)
    """
    file = words_to_midi(text)
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
    tempos.setdefault(Fraction(0), DEFAULT_TEMPO)
    return Score(
        title, tuple(sorted(notes)), metre, fifths, minor, tuple(sorted(tempos.items())), longest
    )


def midi_bytes(file: Any) -> bytes:
    """A mido.MidiFile as the bytes of a .mid file."""
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()
