"""Whatever a browser sends, the answer is a request or a MessageError, never anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clsviz.errors import MessageError
from clsviz.widgets import messages

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
KINDS = st.sampled_from(["hello", "command", "change", "seek", "landscape", "field", "cancel"])
FIELDS = st.sampled_from(
    [
        "via",
        "name",
        "changes",
        "step",
        "plane",
        "key",
        "origin",
        "u",
        "v",
        "xlim",
        "ylim",
        "resolution",
        "task",
    ]
)


@given(JSON)
def test_anything_is_a_request_or_a_clear_error(content):
    try:
        messages.parse(content)
    except MessageError as error:
        assert str(error)


@given(KINDS, st.dictionaries(FIELDS, JSON, max_size=8))
def test_a_known_kind_with_any_fields_is_a_request_or_a_clear_error(kind, fields):
    try:
        messages.parse({"kind": kind, **fields})
    except MessageError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        ({"kind": "hello", "via": "stream"}, messages.Hello("stream")),
        ({"kind": "command", "name": "train"}, messages.Command("train")),
        ({"kind": "change", "changes": {"loss.q": 0.5}}, messages.Change({"loss.q": 0.5})),
        ({"kind": "seek", "step": 3}, messages.Seek(3)),
        ({"kind": "landscape", "plane": "path", "step": None}, messages.AskLandscape("path", None)),
        (
            {"kind": "landscape", "plane": "path", "step": 3, "resolution": 101},
            messages.AskLandscape("path", 3, 101),
        ),
        ({"kind": "cancel", "task": "landscape"}, messages.Cancel("landscape")),
        ({"kind": "attack", "sample": 3, "step": 7}, messages.AskAttack(3, 7)),
    ],
)
def test_well_formed_messages_become_requests(content, request_):
    assert messages.parse(content) == request_


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "object"),
        ({"kind": "format_disk"}, "unknown kind"),
        ({"kind": "command", "name": "rm"}, "name must be one of"),
        ({"kind": "seek", "step": -1}, "step must lie"),
        ({"kind": "seek", "step": float("nan")}, "whole number"),
        ({"kind": "seek", "step": True}, "whole number"),
        ({"kind": "landscape", "plane": "up"}, "plane must be one of"),
        ({"kind": "landscape", "plane": "path", "resolution": 102}, "resolution must lie in 11..101"),
        ({"kind": "change", "changes": {}}, "changes"),
    ],
)
def test_a_wrong_field_is_named(content, says):
    with pytest.raises(MessageError, match=says):
        messages.parse(content)


def field(**changes):
    plane = {"origin": [0.0, 0.0], "u": [1.0, 0.0], "v": [0.0, 1.0], "xlim": [-1, 1], "ylim": [-1, 1]}
    return {"kind": "field", "key": "k", "step": 1, "resolution": 8, **plane, **changes}


def test_a_field_is_asked_for_with_a_plane():
    request = messages.parse(field())
    assert request.u == (1.0, 0.0) and request.resolution == 8


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"u": [1.0]}, "same length"),
        ({"resolution": 10_000}, "resolution must lie"),
        ({"detector": "energy"}, "detector must be one of"),
        ({"xlim": [1, 1]}, "low below high"),
        ({"origin": ["a", "b"]}, "finite numbers"),
        ({"origin": []}, "list of"),
    ],
)
def test_a_field_with_a_wrong_plane_is_refused(changes, says):
    with pytest.raises(MessageError, match=says):
        messages.parse(field(**changes))
