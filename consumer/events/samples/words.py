"""Names of people and things in samples, and texts that people write. All of it is made up."""

from consumer.events.identifiers import TRUNCATED_LENGTH
from consumer.events.samples.dice import Dice

FIRST_NAMES = (
    "Ada", "Amina", "Ángela", "Bao", "Chidi", "Elif", "Hana", "Jonas", "Kaori", "Lucía", "Søren",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Bergström", "Chen", "Dubois", "García", "Ivanova", "Núñez", "O'Brien", "Patel",
)  # fmt: skip
#: What is taught: the letters of the course code, the name.
SUBJECTS = (
    ("BIO", "Cell Biology"), ("CS", "Data Structures"), ("ECON", "Markets & Society"),
    ("HIST", "Europe after 1945"), ("MATH", "Linear Algebra"), ("SPAN", "Español intermedio"),
)  # fmt: skip
FACULTIES = ("Faculty of Arts", "Faculty of Science", "School of Nursing", "Graduate School")
TOPICS = ("first principles", "reading list", "field notes", "case study", "methods", "peer review")
#: Extensions of files, with their content types.
FILE_TYPES = {"pdf": "application/pdf", "csv": "text/csv", "png": "image/png"}
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/128.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
)
#: What people write to each other, without HTML.
REMARKS = ("Well argued, but look again at page 3.", "Good start!", "Please cite your sources.")
_SENTENCES = (
    "Read the chapter &amp; bring two questions to the seminar.",
    "The second figure shows what happens when the temperature falls below 4&nbsp;°C.",
    "I agree with the first point, but the numbers of the second table do not support it.",
    "Proof: suppose that there were a largest prime <em>p</em>, and look at <em>p</em>! + 1.",
    "¿Qué palabras nuevas aprendiste en la lectura de esta semana?",
    'See <a href="https://library.example.edu/guides/7">the guide of the library</a>.',
    "Thank you for the feedback; I have corrected the second and the fifth exercise.",
)
_PARAGRAPHS = tuple(
    f"<p>{first} {second}</p>" for first in _SENTENCES for second in _SENTENCES if first != second
)


def html(dice: Dice, *, mostly: int = 4, long_share: float = 0.03) -> str:
    """One to `mostly` paragraphs; in `long_share` of cases a text that Canvas has truncated."""
    is_long = dice.chance(long_share)
    count = dice.between(70, 120) if is_long else dice.between(1, mostly)
    start, step = dice.between(0, len(_PARAGRAPHS) - 1), dice.between(1, 9)
    text = " ".join([_PARAGRAPHS[(start + n * step) % len(_PARAGRAPHS)] for n in range(count)])
    if len(text) <= TRUNCATED_LENGTH:
        return text
    # As Canvas does: at a space, with three dots, to 8,192 characters in all.
    return text[: text.rfind(" ", 0, TRUNCATED_LENGTH - len("...") + 1)] + "..."
