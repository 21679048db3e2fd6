"""A score as sound: every note a plucked string, as a WAV file of 16 bits."""

from __future__ import annotations

import io
import wave

import numpy as np

from unroll.errors import UserError
from unroll.tasks.music.score import Score

RATE = 44_100  # samples per second
PARTIALS = 8
SHARPNESS = 1.4  # partial k is 1 / k ** SHARPNESS as loud as the first
DECAY = 1.2  # seconds until the first partial is 1/e as loud; higher partials decay sooner
ATTACK, RELEASE = 0.004, 0.05  # seconds
LOUDEST = 0.9
LONGEST = 1800.0  # seconds


def synthesise_note(frequency: float, seconds: float) -> np.ndarray:
    """The samples of one note with its release.

        y(t) = sum_k  k^-1.4  sin(2 pi k f t)  exp(-t (1 + k/4) / 1.2)

    Partials above half the sampling rate are omitted, so that there is no aliasing.

    Args:
        frequency: in hertz.
        seconds: how long the note is held.

    Returns:
        Samples [N], float64.
    """
    t = np.arange(int((seconds + RELEASE) * RATE)) / RATE
    y = np.zeros(len(t))
    for k in range(1, PARTIALS + 1):
        if k * frequency < RATE / 2:
            y += (
                np.sin(2 * np.pi * k * frequency * t)
                * np.exp(-t * (1 + k / 4) / DECAY)
                / k**SHARPNESS
            )
    return y * np.clip(t / ATTACK, 0, 1) * np.clip((seconds + RELEASE - t) / RELEASE, 0, 1)


def synthesise(score: Score) -> np.ndarray:
    """The samples of a score, float64 [N] between -0.9 and 0.9.

    Raises:
        UserError: for a score of more than half an hour.
    """
    length = max(
        [score.seconds(score.length)] + [score.seconds(n.start + n.length) for n in score.notes]
    )
    if length > LONGEST:
        raise UserError(
            f"The tune lasts {length / 60:,.0f} minutes; a sound file has at most {LONGEST / 60:.0f}. "
            "Write it as .mid or .abc."
        )
    y = np.zeros(int((length + RELEASE) * RATE) + 1)
    notes: dict[tuple[int, int], np.ndarray] = {}  # by pitch and samples
    for start, held, pitch in score.notes:
        begin = score.seconds(start)
        seconds = score.seconds(start + held) - begin
        key = (pitch, round(seconds * RATE))
        if key not in notes:
            notes[key] = synthesise_note(440.0 * 2 ** ((pitch - 69) / 12), seconds)
        at = round(begin * RATE)
        part = notes[key][: len(y) - at]
        y[at : at + len(part)] += part
    loudest = float(np.abs(y).max(initial=0.0))
    return y * (LOUDEST / loudest) if loudest else y


def score_to_wav(score: Score) -> bytes:
    """The bytes of a WAV file: one channel, 16 bits, 44,100 samples per second.

    Examples:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.score import Note, Score
        >>> from unroll.tasks.music.synthesiser import score_to_wav
        >>> score_to_wav(Score("", (Note(Fraction(0), Fraction(1), 69),)))[:4]
        b'RIFF'
    """
    samples = np.round(synthesise(score) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
