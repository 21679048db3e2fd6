"""New tunes in ABC: by key, metre and seed, and valid whatever the network predicts."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.tasks.music.abc import split_pieces
from unroll.tasks.music.abc_header import HeaderWriter
from unroll.tasks.music.abc_rules import TuneRules
from unroll.tasks.music.abc_tokens import TuneTokens
from unroll.tasks.music.preprocessor import BOUNDARY
from unroll.tasks.music.prompt import parse_prompt
from unroll.tasks.music.token_writer import TokenWriter

MOST_TOKENS = 20_000  # of a tune; rules that do not end by then have an error


def generate_tune(writer: TokenWriter, prompt: str = "") -> str:
    """Generate a tune in ABC, from its X: field to its end.

    Args:
        writer: of a run of ABC; nothing is written yet.
        prompt: fields of the header, and after K: and a line end how the body begins.

    Raises:
        UserError: for a prompt that cannot be followed.
    """
    fields, body = parse_prompt(prompt)
    metre, unit = HeaderWriter(writer, fields).write()
    rules = TuneRules(TuneTokens(writer.preprocessor), metre, unit)
    write_given_body(writer, rules, body)
    for number in range(MOST_TOKENS):
        if number >= writer.length and not rules.pending and not rules.triplet[0]:
            rules.closing = True
        may = rules.allowed()
        if may.any():
            id = writer.draw(may)
            if id == BOUNDARY:
                return writer.text
            rules.read(rules.tokens.pieces[id])
        else:
            text = rules.forced()
            writer.add(text)
            for piece in split_pieces(text):
                rules.read(piece)
    raise RuntimeError(f"the rules of tunes did not end a tune within {MOST_TOKENS} tokens")


def write_given_body(writer: TokenWriter, rules: TuneRules, body: str) -> None:
    """Write the beginning of the body that a prompt gives.

    Raises:
        UserError: where the rules cannot follow it.
    """
    for given in split_pieces(body.rstrip("\n")):
        id = writer.preprocessor.id_of(given.text)
        piece = rules.tokens.pieces[id] if id is not None else None
        if id is None or piece is None or not rules.allowed()[id]:
            raise UserError(
                f"--prompt has {given.text!r} where this run cannot write it: it is unknown, too long "
                "for the bar, or not among what is written (notes, rests, triplets, chord symbols in "
                "quotes, bar lines)."
            )
        writer.add(given.text)
        rules.read(piece)
