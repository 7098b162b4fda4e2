"""The lab in Python: everything on screen is reachable, nothing is left behind."""

import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import traitlets
from torch import nn

import clsviz as cv
from clsviz.errors import InputError, UnknownName


@pytest.fixture
def lab():
    lab = cv.Lab("moons", epochs=2, pace=None)
    yield lab
    lab.close()


def test_a_lab_trains_by_itself_and_can_be_paused(lab):
    assert lab.run.wait(30)
    assert lab.run.state == "finished" and len(lab.run.timeline) > 2


def test_views_have_the_properties_of_their_classes(lab):
    lab.run.wait(30)
    lab.views.reliability.n_bins = 20
    assert lab.reliability_n_bins == 20
    lab.views.reliability.temperature = 2
    assert lab.temperature == 2 and lab.views.boundary.temperature == 2
    assert len(lab.views.reliability.result.diagram.counts) == 20
    assert lab.views.confusion.result.counts.sum() == len(lab.run.dataset.validation)
    assert "n_bins=20" in repr(lab.views.reliability)


def test_unknown_views_and_properties_are_named(lab):
    with pytest.raises(InputError, match="no view 'forest'"):
        lab.views.forest  # noqa: B018
    with pytest.raises(AttributeError, match="no property 'bins'"):
        lab.views.reliability.bins = 3
    with pytest.raises(InputError, match=r"no option \['epoch'\]"):
        cv.Lab("moons", epoch=3)
    with pytest.raises(UnknownName, match="moons"):
        cv.Lab("moon")


def test_the_selection_is_a_plain_index_array(lab):
    lab.selection = [1, 5, 9]
    assert isinstance(lab.selection, np.ndarray) and lab.selection.tolist() == [1, 5, 9]
    with pytest.raises(traitlets.TraitError, match="sample indices"):
        lab.selection = [10**6]


def test_a_lab_takes_arrays_and_a_module_of_your_own():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = np.where(X[:, 0] > 0, "pos", "neg")
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    lab = cv.Lab((X, y), model=net, epochs=2, pace=None)
    assert lab.run.wait(30) and lab.run.state == "finished"
    assert lab.run.dataset.class_names == ("neg", "pos")
    lab.close()


def test_a_closed_lab_leaves_no_thread_and_no_memory_behind():
    before = set(threading.enumerate())
    labs = []
    for seed in range(5):
        lab = cv.Lab("moons", epochs=50, pace=None, seed=seed)
        lab.session.answer({"kind": "hello", "via": "stream"}, lab)
        lab.close()
        labs.append(weakref.ref(lab))
    end = time.monotonic() + 20
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before
    del lab
    gc.collect()
    assert [ref() for ref in labs] == [None] * 5


def test_a_lab_on_a_watched_loop_has_no_run_to_steer():
    data = cv.data.moons(n=60)
    net = nn.Linear(2, 2)
    w = cv.watch(net, data.X, data.y)
    with pytest.raises(InputError, match="watched loop"):
        w.lab.run  # noqa: B018
    assert "application/vnd.jupyter.widget-view+json" in w._repr_mimebundle_()[0]
    w.step(0.5)
    w.flush()
    assert w.lab.views.reliability.result.n == 60
    w.lab.close()
    w.close()


def test_the_exported_page_holds_all_it_needs_and_asks_nobody(lab, tmp_path):
    lab.run.wait(30)
    path = tmp_path / "lab.html"
    lab.to_html(path, title="<Lab> & co")
    text = path.read_text(encoding="utf-8")
    assert "&lt;Lab&gt; &amp; co" in text
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text
    assert len(text) < 3_000_000
    one = lab.views.reliability.to_html()
    assert "payload" in one


def test_an_export_that_would_be_too_large_carries_fewer_snapshots_and_says_so(monkeypatch, lab):
    from clsviz.widgets import export

    lab.run.wait(30)
    whole = lab.to_html()
    monkeypatch.setattr(export, "MAX_BYTES", len(whole) - 1)
    fewer = lab.to_html()
    assert len(fewer) < len(whole) and "snapshots of the training are in this file" in fewer


def test_a_slip_of_the_pen_is_refused(lab):
    with pytest.raises(UnknownName, match="did you mean 'temperature'"):
        lab.temprature = 3
    with pytest.raises(UnknownName, match=r"run\.change"):
        lab.loss = "gce"


def test_fan_out_knows_the_names_on_screen_and_says_what_a_setting_is_called(lab):
    fan = lab.fan_out("label_noise", values=[0, 0.5], seeds=1)
    assert list(fan.vary) == ["label_noise.rate"]
    assert "2 values of label_noise.rate" in repr(fan)
    with pytest.raises(UnknownName, match=r"did you mean 'optimizer\.lr'"):
        lab.fan_out("lr")
    with pytest.raises(UnknownName, match="qq"):
        lab.fan_out("loss.qq")


def test_a_lesson_keeps_its_views_in_every_scene():
    plain = cv.Lab("moons")
    lesson = cv.Lab("moons", show=["reliability"], controls=["temperature"], scenes=[plain.scene("one")])
    try:
        assert lesson.show == ["reliability"] and lesson.controls == ["temperature"]
    finally:
        lesson.close()
        plain.close()


def test_a_script_ends_while_its_lab_still_computes():
    script = 'import clsviz as cv; cv.Lab("digits", model="cnn", epochs=1); cv.Lab("digits", scenes=[{}])'
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_lesson_without_the_landscape_does_not_compute_it_until_it_is_shown():
    lab = cv.Lab("moons", epochs=1, pace=None, show=["reliability"], landscape_resolution=11)
    lab.run.wait(30)
    lab.session._probes.join()
    assert lab.session.landscape_now(None, 1.0) is None
    lab.show = ["reliability", "landscape"]
    lab.session._probes.join()
    assert lab.session.landscape_now(None, 1.0).loss.shape[1] == 11
    lab.close()


def test_a_landscape_on_its_way_is_a_coarse_map_in_a_file():
    lab = cv.Lab("moons", epochs=1, pace=None)
    lab.run.wait(30)
    lab.views.landscape.result  # noqa: B018  computed now
    header = lab.session._landscape._header
    lab.session._landscape._header = header | {"landscape": header["landscape"] | {"progress": 0.26}}
    [land] = [p.header["landscape"] for p in lab.session.record() if p.header["kind"] == "landscape"]
    assert land["stopped"] and land["progress"] == 0.26
    lab.close()
