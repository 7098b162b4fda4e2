"""Linked views from Python: who shares what, joining, parting."""

import numpy as np
import pytest

import clsviz as cv
from clsviz.errors import InputError


@pytest.fixture
def views(trained):
    made = [cv.ReliabilityDiagram.from_run(trained), cv.BoundaryView.from_run(trained)]
    yield made
    for view in made:
        view.close()


def test_linked_views_are_of_one_group_and_start_alike(views):
    a, b = views
    a.temperature, a.selection = 3, [1, 2]
    link = cv.link(a, b)
    assert a.group == b.group is not None
    assert b.temperature == 3 and b.selection.tolist() == [1, 2]
    link.unlink()
    assert a.group is None and b.group is None and b.temperature == 3
    assert "ReliabilityDiagram" in repr(link)


def test_a_third_view_joins_and_two_groups_become_one(views, trained):
    a, b = views
    others = [cv.ConfusionMatrix.from_run(trained) for _ in range(3)]
    c, d, e = others
    cv.link(a, b)
    cv.link(c, d)
    assert a.group != c.group
    cv.link(b, c)
    assert len({v.group for v in (a, b, c, d)}) == 1 and e.group is None
    cv.unlink(b)
    assert b.group is None and a.group == d.group is not None
    for view in others:
        view.close()


def test_views_of_different_sources_share_what_means_the_same_to_both(trained, blobs):
    same = cv.Run(trained.experiment.replace({"seed": trained.experiment.seed}))
    a = cv.ReliabilityDiagram.from_run(trained, temperature=2, n_bins=7, selection=[3], pair=[0, 1], marked=4)
    b = cv.Lab.from_run(same)
    c = cv.BoundaryView.from_estimator(_Nearest(), *blobs)
    cv.link(a, b, c)
    assert (b.temperature, b.reliability_n_bins, b.marked) == (2, 7, 4) and b.selection.tolist() == [3]
    assert c.temperature == 2 and c.selection.size == 0 and c.marked is None
    for view in (a, b, c):
        view.close()
    same.stop()


def test_a_view_of_a_lab_stands_for_its_lab(views):
    lab = cv.Lab.from_run(views[0].source)
    cv.link(lab.views.boundary, views[1])
    assert lab.group == views[1].group is not None
    assert "group" not in lab.state() and "group" not in lab.class_own_traits_of()
    lab.close()


def test_what_cannot_be_linked_is_named(views):
    with pytest.raises(InputError, match="two or more"):
        cv.link(views[0])
    with pytest.raises(InputError, match="two or more"):
        cv.link(views[0], views[0])
    with pytest.raises(InputError, match="not list"):
        cv.link(views[0], [views[1]])


def test_every_numbered_request_is_acknowledged(trained):
    class Page:
        def __init__(self):
            self.sent = []

        def send(self, content, buffers=None):
            self.sent.append(content)

    page, session = Page(), cv.ReliabilityDiagram.from_run(trained).session
    for content in [
        {"kind": "command", "name": "pause", "seq": 5},
        {"kind": "nonsense", "seq": 6},  # what is refused is acknowledged too: nothing waits for it
        {"kind": "command", "name": "pause"},
        {"kind": "command", "name": "pause", "seq": "7"},
    ]:
        session.answer(content, page)
    assert [m["seq"] for m in page.sent if m["kind"] == "ack"] == [5, 6]


class _Nearest:
    """A classifier with two blobs."""

    classes_ = np.array([0, 1])

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-np.asarray(X).sum(1)))
        return np.stack([1 - p, p], 1)
