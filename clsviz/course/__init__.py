"""The course: exercises of the notebooks, and a cell that checks answers without giving them away.

``cv.course.check("01.2", answer)`` checks, ``cv.course.given("01.2")`` is what the exercise is about,
``cv.course.exercises()`` lists all. A lesson is one file whose decorated functions compute the truths
(`clsviz.course.registry.exercise`); its name stands in `checking.LESSONS`.
"""

from clsviz.course.checking import Exercises, check, exercises, given
from clsviz.course.feedback import Feedback
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import Exercise, Given, exercise

__all__ = [
    "Array",
    "Choice",
    "Exercise",
    "Exercises",
    "Feedback",
    "Function",
    "Given",
    "Number",
    "check",
    "exercise",
    "exercises",
    "given",
]
