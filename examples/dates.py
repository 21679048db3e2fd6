"""From a sequence to a shorter one: dates as people write them to ISO 8601, character by character."""

import random
from datetime import date, timedelta
from pathlib import Path

import unroll

FORMS = ("%A, %d %B %Y", "%B %d, %Y", "%d %b %y", "%d.%m.%Y", "%a %d/%m/%Y", "the %dth of %B, %Y")
draw = random.Random(1)


def format_date(day):
    """A date in one of the forms that people use."""
    return day.strftime(draw.choice(FORMS)).replace(" 0", " ")


days = [date(1970, 1, 1) + timedelta(draw.randrange(36_000)) for _ in range(6000)]
pairs = "".join(f"{format_date(day)}\t{day.isoformat()}\n" for day in days)
Path("dates.tsv").write_text(pairs)

run = unroll.train("dates.tsv", level="char", cell="gru", hidden=128, steps=200)
print(f"{run.result()['exact_match']:.0%} of the validation dates are right to the digit")
for prediction in run.predict(
    ["Sunday, 20 July 1969", "May 9, 2031", "the 29th of February, 2024"]
):
    print(prediction["source"], "->", prediction["translation"])
