# For type checkers: all models, which `__init__.py` loads one by one.

from consumer.events.catalog import caliper as caliper
from consumer.events.catalog.account import *
from consumer.events.catalog.asset import *
from consumer.events.catalog.assignment import *
from consumer.events.catalog.attachment import *
from consumer.events.catalog.base import *
from consumer.events.catalog.content import *
from consumer.events.catalog.conversation import *
from consumer.events.catalog.course import *
from consumer.events.catalog.discussion import *
from consumer.events.catalog.enrollment import *
from consumer.events.catalog.final import *
from consumer.events.catalog.grade import *
from consumer.events.catalog.group import *
from consumer.events.catalog.index import names as names
from consumer.events.catalog.learning import *
from consumer.events.catalog.logged import *
from consumer.events.catalog.lookup import model_of as model_of
from consumer.events.catalog.lti import *
from consumer.events.catalog.master import *
from consumer.events.catalog.metadata import *
from consumer.events.catalog.module import *
from consumer.events.catalog.new_quizzes import *
from consumer.events.catalog.new_quizzes_parts import *
from consumer.events.catalog.outcome import *
from consumer.events.catalog.plagiarism import *
from consumer.events.catalog.quiz import *
from consumer.events.catalog.rubric import *
from consumer.events.catalog.sis import *
from consumer.events.catalog.submission import *
from consumer.events.catalog.syllabus import *
from consumer.events.catalog.undocumented import *
from consumer.events.catalog.undocumented_parts import *
from consumer.events.catalog.user import *
from consumer.events.catalog.wiki import *
