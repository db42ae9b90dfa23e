# For type checkers: all models, which `__init__.py` loads one by one.

from consumer.events.catalog.caliper.asset import *
from consumer.events.catalog.caliper.assignment import *
from consumer.events.catalog.caliper.attachment import *
from consumer.events.catalog.caliper.attempts import *
from consumer.events.catalog.caliper.course import *
from consumer.events.catalog.caliper.discussion import *
from consumer.events.catalog.caliper.enrollment import *
from consumer.events.catalog.caliper.entities import *
from consumer.events.catalog.caliper.envelope import *
from consumer.events.catalog.caliper.grade import *
from consumer.events.catalog.caliper.group import *
from consumer.events.catalog.caliper.logged import *
from consumer.events.catalog.caliper.quiz import *
from consumer.events.catalog.caliper.submission import *
from consumer.events.catalog.caliper.syllabus import *
from consumer.events.catalog.caliper.user import *
from consumer.events.catalog.caliper.wiki import *
