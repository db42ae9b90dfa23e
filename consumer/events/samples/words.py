"""What people and things are called in samples, and what they write. Everybody is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.events.identifiers import TRUNCATED_LENGTH

if TYPE_CHECKING:
    from consumer.events.samples.dice import Dice

FIRST_NAMES = (
    "Ada", "Amina", "Ángela", "Bao", "Beatriz", "Caleb", "Chidi", "Clara", "Daan", "Dana",
    "Elif", "Emeka", "Esther", "Farid", "Freya", "Gita", "Hana", "Hugo", "Ines", "Ivan",
    "Jamal", "Jonas", "Kaori", "Kofi", "Lea", "Liam", "Lucía", "Mateo", "Mei", "Milan",
    "Nadia", "Noor", "Olga", "Oskar", "Priya", "Quinn", "Rafael", "Rosa", "Sami", "Søren",
    "Talia", "Tomás", "Uma", "Viktor", "Wanda", "Xin", "Yara", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Almeida", "Bergström", "Bianchi", "Castillo", "Chen", "Dubois", "Eriksen", "Farouk",
    "Fischer", "García", "Haddad", "Hansen", "Ivanova", "Jansen", "Kaya", "Kowalski", "Laurent",
    "Lindqvist", "Maldonado", "Mbeki", "Moreau", "Nakamura", "Nguyen", "Núñez", "O'Brien",
    "Okafor", "Osei", "Park", "Patel", "Pereira", "Quispe", "Rahman", "Reyes", "Rossi", "Santos",
    "Schulz", "Singh", "Tanaka", "Tran", "Usman", "Varga", "Weber", "Yilmaz", "Zhou",
)  # fmt: skip
#: What is taught: the code's letters, the name.
SUBJECTS = (
    ("ANTH", "Peoples of the Pacific"), ("ART", "Drawing and Perspective"),
    ("BIO", "Introduction to Cell Biology"), ("CHEM", "Organic Chemistry"),
    ("CS", "Data Structures"), ("ECON", "Markets & Society"), ("ENG", "The Modern Novel"),
    ("GEOG", "Maps and Power"), ("HIST", "Europe after 1945"), ("LING", "Sounds of Language"),
    ("MATH", "Linear Algebra"), ("MUS", "Counterpoint"), ("NURS", "Care of the Older Adult"),
    ("PHIL", "Logic and Argument"), ("PHYS", "Waves and Optics"), ("PSY", "Memory and Learning"),
    ("SOC", "Cities"), ("SPAN", "Español intermedio"), ("STAT", "Applied Statistics"),
    ("THEA", "Stage Design"),
)  # fmt: skip
FACULTIES = (
    "Faculty of Arts", "Faculty of Science", "School of Nursing", "Department of Mathematics",
    "Department of History", "Continuing Education", "Graduate School",
)  # fmt: skip
TOPICS = (
    "first principles", "reading list", "field notes", "a worked example", "sources",
    "models and their limits", "case study", "methods", "revision", "review of terms",
    "the group project", "open questions", "definitions", "measuring", "comparison", "peer review",
)  # fmt: skip
TASKS = ("Essay", "Problem set", "Lab report", "Reflection", "Presentation", "Portfolio")
FILES = ("essay", "lab-report", "slides", "notes", "data", "bibliography", "photo", "worksheet")
#: Of a file: the ending, what kind it is.
FILE_TYPES = (
    ("pdf", "application/pdf"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("csv", "text/csv"),
    ("png", "image/png"),
)
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/128.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/17.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) {_WEBKIT} Mobile/15E148",
)
TIME_ZONES = ("America/Denver", "America/New_York", "Etc/UTC", "Europe/London", "America/Bogota")
_SENTENCES = (
    "Read the chapter &amp; bring two questions to the seminar.",
    "Compare both sources, and say which of them you trust more.",
    "The second figure shows what happens when the temperature falls below 4&nbsp;°C.",
    "I agree with the first point, but the numbers of the second table do not support it.",
    "Hand in one file per group; late work loses a tenth of its points.",
    "Our meeting moves to room 12, next to the library.",
    "What surprised you in this week's reading, and why?",
    "Proof: suppose that there were a largest prime <em>p</em>, and look at <em>p</em>! + 1.",
    "¿Qué palabras nuevas aprendiste en la lectura de esta semana?",
    "The recording of the lecture is in the module, with a transcript below it.",
    "Say in three sentences what the author claims, and in three more what is missing.",
    'See <a href="https://library.example.edu/guides/7">the guide of the library</a>.',
    "Please bring your field notebook, a pencil, and shoes for wet ground.",
    "Thank you for the feedback; I have corrected the second and the fifth exercise.",
)
_PARAGRAPHS = tuple(
    f"<p>{first} {second}</p> " for first in _SENTENCES for second in _SENTENCES if first != second
)


def sentence(dice: Dice) -> str:
    """One sentence without HTML."""
    return dice.pick(("Well argued, but look again at page 3.", "See the attached files.",
        "Please cite your sources.", "Thank you, this is much better.", "Good start!",
        "Could you explain the last step?"))  # fmt: skip


def html(dice: Dice, paragraphs: int) -> str:
    """As many paragraphs, each of two sentences; not cut."""
    start, step = dice.below(len(_PARAGRAPHS)), dice.between(1, 9)
    return "".join(
        [_PARAGRAPHS[(start + n * step) % len(_PARAGRAPHS)] for n in range(paragraphs)]
    ).rstrip()


def some_html(dice: Dice, *, mostly: int, long_share: float) -> str:
    """One to `mostly` paragraphs; in `long_share` of cases a text that Canvas has cut."""
    if dice.chance(long_share):
        return cut(html(dice, dice.between(70, 120)))
    return html(dice, dice.between(1, mostly))


def cut(text: str) -> str:
    """As Canvas does it: at a blank, three dots behind, at most 8,192 characters in all."""
    if len(text) <= TRUNCATED_LENGTH:
        return text
    room = TRUNCATED_LENGTH - len("...")
    blank = text.rfind(" ", 0, room + 1)
    return text[: blank if blank >= 0 else room] + "..."
