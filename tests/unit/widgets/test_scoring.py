"""The landscape under any loss, and what the menu of losses is told."""

import json

import numpy as np
import pytest
import traitlets

import clsviz as cv
from clsviz import catalogue, losses
from clsviz.landscape.tables import TEMPERATURES, QuantisedTable, dequantise, loss_table
from clsviz.widgets import messages
from clsviz.widgets.base import OTHER_GROUP, loss_menu
from clsviz.widgets.landscape_job import MOST_ASKED

MOST_MENU_BYTES = 90_000  # it travels with every lab, and lies in every file made of one


@pytest.fixture(scope="module")
def lab():
    lab = cv.Lab("moons", epochs=3, pace=None, instant=False, landscape_resolution=11)
    lab.run.wait(60)
    lab.views.landscape.result  # noqa: B018 - computes it
    yield lab
    lab.close()


def ask(lab, **message):
    """Sends a message and waits until nothing is left to compute."""
    lab.session.answer(message, Page())
    lab.session._probes.join(60)
    lab.session._loss_thread.join(60)
    assert lab.session.error is None, lab.session.error


class Page:
    def send(self, content, buffers=None):
        pass


def table_of(packet):
    h = packet.header
    return dequantise(QuantisedTable(packet.buffers[0], h["low"], h["scale"], h["shift"], TEMPERATURES))


def test_a_loss_that_is_asked_for_is_scored_from_the_cached_logits(lab):
    ask(lab, kind="score", key="mine", name="hinge_ww", params={"margin": 2.0})
    job = lab.session._landscape
    packet = next(p for p in job.packets() if p.header.get("score") == "mine")
    wanted = loss_table(job._logits, job._labels, lambda z, y: losses.hinge_ww(z, y, margin=2.0))
    np.testing.assert_allclose(table_of(packet), wanted, rtol=1e-3, atol=1e-3)


def test_only_the_newest_tables_are_kept(lab):
    for i in range(MOST_ASKED + 2):
        ask(lab, kind="score", key=f"k{i}", name="gce", params={"q": 0.1 * i})
    kept = [p.header.get("score") for p in lab.session._landscape.packets()]
    assert [k for k in kept if str(k).startswith("k")] == [f"k{i}" for i in range(2, MOST_ASKED + 2)]


def test_a_cancelled_table_is_not_sent(lab):
    job = lab.session._landscape.asked("never", cv.Spec("brier"))
    job(lambda: True)
    assert "never" not in [p.header.get("score") for p in lab.session._landscape.packets()]


def test_surprisals_are_sent_for_the_temperature_that_is_asked_for(lab, monkeypatch):
    sent = []
    monkeypatch.setattr(lab.session._landscape, "_put", lambda name, packet: sent.append(packet))
    ask(lab, kind="surprisals", temperature=2.0)
    [packet] = sent
    counts, places = packet.buffers
    assert packet.header["temperature"] == 2.0 and counts.shape == places.shape == (121, 48)
    assert (counts.sum(1) == packet.header["samples"]).all()


def test_a_loss_that_needs_more_than_logits_is_refused_in_words(lab):
    lab.session.answer({"kind": "score", "key": "k", "name": "elr", "params": {}}, Page())
    assert "it needs ['index'] besides the logits" in lab.session.error
    lab.session.error = None
    for name in ("hl_gauss", "hybrid_multilabel"):  # they have other targets than classes
        with pytest.raises(traitlets.TraitError, match="it needs"):
            lab.score = name


def test_the_score_is_a_place_of_the_line_or_any_loss(lab):
    lab.score = cv.Spec("comp_sum", {"tau": 1.7})
    assert lab.score == {"name": "comp_sum", "params": {"tau": 1.7}}
    found = lab.views.landscape.result
    assert found.score == catalogue.get("losses.comp_sum").title
    lab.score = -0.7
    np.testing.assert_allclose(lab.views.landscape.result.loss, found.loss, rtol=1e-5)
    for wrong in (1.5, "no_such_loss", {"name": "gce", "params": {"tau": 1}}, True):
        with pytest.raises(traitlets.TraitError, match="score"):
            lab.score = wrong
    assert lab.score == -0.7
    lab.score = None


@pytest.mark.parametrize("name", [m.name for m in catalogue.methods("loss")])
def test_every_loss_of_logits_scores_or_says_why_not(name, lab):
    entry = catalogue.resolve("loss", name)[0]
    plain = set(entry.needs) <= {"logits", "targets"} and entry.facts.get("targets", "class") == "class"
    if not plain:
        with pytest.raises(traitlets.TraitError, match="it needs"):
            lab.score = name
        return
    lab.score = name
    assert np.isfinite(lab.views.landscape.result.loss).mean() > 0.9
    lab.score = None


def test_the_menu_tells_family_formula_and_needs_and_stays_small():
    menu = loss_menu()
    assert [m["name"] for m in menu] == [m.name for m in catalogue.methods("loss")]
    assert all(m["mathml"].startswith("<math") for m in menu)
    assert OTHER_GROUP not in [m["group"] for m in menu], "every loss of the catalogue names its family"
    assert len(json.dumps(menu)) < MOST_MENU_BYTES


def test_a_run_says_which_losses_it_cannot_train_with_and_why(lab):
    reasons = lab.run.unusable_losses
    assert "teacher" in reasons["kd"] and "cross_entropy" not in reasons and "elr" not in reasons
    for name, reason in reasons.items():
        with pytest.raises(cv.errors.ClsvizError) as error:
            lab.run.change({"loss": name})
        assert str(error.value) == reason


def test_the_network_on_screen_becomes_the_teacher_and_training_begins_anew():
    lab = cv.Lab("moons", epochs=2, pace=None, instant=False)
    lab.run.wait(60)
    said = lab.run.predict(lab.run.dataset.X)
    former = lab.run.run_id
    ask(lab, kind="teach", step=None, member=None, loss="kd")
    assert lab.run.run_id != former and lab.run.loss.name == "kd"
    teacher = lab.run._trainer.session.extras["teacher_logits"]
    np.testing.assert_allclose(teacher, said, atol=1e-5)
    assert "kd" not in lab.run.unusable_losses
    assert lab.run.wait(60)
    lab.close()


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "score", "key": "k", "name": "gce", "params": [1]},
        {"kind": "score", "key": "k", "name": "gce", "params": {"q": [1]}},
        {"kind": "score", "key": "k" * 600, "name": "gce", "params": {}},
        {"kind": "surprisals", "temperature": 0},
        {"kind": "surprisals", "temperature": True},
        {"kind": "teach", "step": -1, "member": None, "loss": "kd"},
    ],
)
def test_malformed_requests_are_refused(content):
    with pytest.raises(cv.errors.MessageError):
        messages.parse(content)


def test_noise_that_a_loss_draws_is_the_same_at_every_point(lab):
    lab.score = "ens_loss"
    first, again = (lab.views.landscape.result.loss for _ in range(2))
    np.testing.assert_array_equal(first, again)
    lab.score = None
