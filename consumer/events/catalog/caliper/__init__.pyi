# For type checkers: all models, which `__init__.py` loads on first use.

from consumer.events.catalog.caliper.account import *
from consumer.events.catalog.caliper.assignment import *
from consumer.events.catalog.caliper.content import *
from consumer.events.catalog.caliper.course import *
from consumer.events.catalog.caliper.enrollment import *
from consumer.events.catalog.caliper.entities import *
from consumer.events.catalog.caliper.envelope import *
from consumer.events.catalog.caliper.submission import *
