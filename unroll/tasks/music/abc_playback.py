"""A tune in ABC as it is played: repeats, endings, ties, tempo.

Chords in brackets, tuplets, broken rhythm, accidentals and voices are played; grace notes, ornaments,
dynamics, overlays (&) and chord symbols in quotes are not.
"""

from __future__ import annotations

from fractions import Fraction

from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_bars import Bar, read_bars
from unroll.tasks.music.abc_fields import parse_metre
from unroll.tasks.music.keys import MINOR_MODES, parse_key
from unroll.tasks.music.score import DEFAULT_TEMPO, Note, Score

MOST_BARS = 100_000  # of a tune as it is played


def unfold_repeats(bars: list[Bar]) -> list[Bar]:
    """The bars in the order in which they are played.

    A repeated part is played twice, or as often as it has endings.
    """
    out: list[Bar] = []
    start, turn, k = 0, 1, 0
    while k < len(bars) and len(out) < MOST_BARS:
        bar = bars[k]
        if bar.opens.endswith(":") and k != start:
            start, turn = k, 1
        if bar.endings and turn not in bar.endings:
            k += 1  # to the next ending, or past the part
            while k < len(bars) and not bars[k].endings and not bars[k - 1].ends_part:
                k += 1
            continue
        out.append(bar)
        if bar.closes.startswith(":"):
            times = max((n for one in bars[start : k + 2] for n in one.endings), default=2)
            if turn < times:
                turn, k = turn + 1, start
                continue
        if bar.ends_part:
            start, turn = k + 1, 1
        k += 1
    return out


def abc_score(tune: str) -> Score:
    """The notes of a tune in ABC as they are played, repeats unfolded.

    Examples:
        >>> from unroll.tasks.music.abc_playback import abc_score
        >>> score = abc_score("X:1\\nM:2/4\\nL:1/8\\nK:D\\n|:DFAd:|")
        >>> [(float(note.start), note.pitch) for note in score.notes][:3], float(score.length)
        ([(0.0, 62), (0.5, 66), (1.0, 69)], 4.0)
    """
    voices = read_bars(tune)
    notes, tempos, length = list[Note](), [(Fraction(0), DEFAULT_TEMPO)], Fraction(0)
    for number, voice in enumerate(voices):
        bars = unfold_repeats(voice)
        length = max(length, play_voice(bars, notes))
        if number == 0:
            tempos = tempo_changes(bars)
    key = parse_key(field_value(tune, "K") or "")
    first = voices[0][0] if voices else Bar(None)
    has_pickup = first.capacity is not None and first.length < first.capacity
    return Score(
        field_value(tune, "T") or "",
        tuple(sorted(notes)),
        parse_metre(field_value(tune, "M") or "") or (4, 4),
        key.fifths if key else 0,
        key is not None and key.mode in MINOR_MODES,
        tuple(tempos),
        length,
        4 * first.length if has_pickup else Fraction(0),
    )


def play_voice(bars: list[Bar], notes: list[Note]) -> Fraction:
    """Add the notes of a voice to `notes`; tied notes become one.

    Returns:
        The length of the voice, in quarter notes.
    """
    at = Fraction(0)
    held: dict[int, int] = {}  # by pitch: the number of the note that a tie continues
    for bar in bars:
        for sound in bar.sounds:
            length = 4 * sound.length
            tied: dict[int, int] = {}
            for pitch in sound.pitches:
                k = held.get(pitch, len(notes))
                if k < len(notes):
                    notes[k] = notes[k]._replace(length=notes[k].length + length)
                else:
                    notes.append(Note(at, length, pitch))
                if sound.tied:
                    tied[pitch] = k
            at, held = at + length, tied
    return at


def tempo_changes(bars: list[Bar]) -> list[tuple[Fraction, float]]:
    """From which quarter note on which tempo holds, in quarter notes per minute."""
    at, tempos = Fraction(0), [(Fraction(0), DEFAULT_TEMPO)]
    for bar in bars:
        if bar.tempo and bar.tempo != tempos[-1][1]:
            tempos = [*(t for t in tempos if t[0] < at), (at, bar.tempo)]
        at += 4 * bar.length
    return tempos
