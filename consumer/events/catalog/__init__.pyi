# For type checkers: all models, which `__init__.py` loads on first use.

from consumer.events.catalog import caliper as caliper
from consumer.events.catalog.account import *
from consumer.events.catalog.assignment import *
from consumer.events.catalog.base import *
from consumer.events.catalog.content import *
from consumer.events.catalog.course import *
from consumer.events.catalog.enrollment import *
from consumer.events.catalog.index import model_of as model_of
from consumer.events.catalog.index import names as names
from consumer.events.catalog.learning import *
from consumer.events.catalog.metadata import *
from consumer.events.catalog.new_quizzes import *
from consumer.events.catalog.submission import *
from consumer.events.catalog.undocumented import *
