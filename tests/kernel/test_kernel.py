"""A real ipykernel: the lab lives in a kernel that is busy, interrupted and run again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

LIMIT = 60


class Kernel:
    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, code: str, *, cell: str = "", wait: bool = True) -> str:
        """Executes code as the front end does, with the cell's id; returns what it printed."""
        message = self.client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": False,
                "user_expressions": {},
                "allow_stdin": False,
            },
            metadata={"cellId": cell} if cell else {},
        )
        self.client.shell_channel.send(message)
        return self.read(message["header"]["msg_id"]) if wait else message["header"]["msg_id"]

    def read(self, request: str) -> str:
        """Output of a request until the kernel is idle again; comm messages are counted in `frames`."""
        text = ""
        self.frames: list[dict] = []
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=LIMIT)
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_msg":
                self.frames.append(content["data"])
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind == "stream":
                text += content["text"]
            if kind == "error":
                pytest.fail("\n".join(content["traceback"]))
            if kind == "status" and content["execution_state"] == "idle":
                return text
        pytest.fail("the kernel did not answer")


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    manager: KernelManager
    manager, client = start_new_kernel(startup_timeout=LIMIT)
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


OPEN = "import clsviz as cv\nlab = cv.Lab('moons', epochs={epochs}, pace=None)\n"
HELLO = "lab.session.answer({'kind': 'hello', 'via': 'stream'}, lab)\n"


def test_snapshots_arrive_while_a_cell_sleeps_and_training_goes_on(kernel: Kernel) -> None:
    kernel.run(OPEN.format(epochs=5000) + HELLO + "lab.run.pace = 30")
    out = kernel.run(
        "import time; a = lab.run.progress['step']; time.sleep(3); print(lab.run.progress['step'] - a)"
    )
    assert int(out) > 100
    kinds = [f["content"]["kind"] for f in kernel.frames if f.get("method") == "custom"]
    assert 20 < kinds.count("snapshots") < 120


def test_fifty_runs_of_the_cell_leave_one_lab(kernel: Kernel) -> None:
    code = OPEN.format(epochs=2) + HELLO
    measure = (
        "import gc, json, psutil, threading; from ipywidgets.widgets import widget; gc.collect()\n"
        "print(json.dumps([threading.active_count(), psutil.Process().memory_info().rss / 1e6,"
        " len(widget._instances)]))"
    )
    for _ in range(50):  # until the pools of the allocators are as large as they get
        kernel.run(code, cell="c1")
    kernel.run("lab.run.wait(30)")
    threads, memory, widgets = json.loads(kernel.run(measure))
    for _ in range(50):
        kernel.run(code, cell="c1")
    kernel.run("lab.run.wait(30)")
    after = json.loads(kernel.run(measure))
    assert after[0] <= threads + 1 and after[2] <= widgets
    assert after[1] < memory + 40, f"{memory:.0f} MB before, {after[1]:.0f} MB after 50 runs"
    other = kernel.run(OPEN.format(epochs=2) + "print(lab.run.state)", cell="c2")
    assert other.strip() in ("running", "ready", "finished")


def test_malformed_messages_stop_nothing(kernel: Kernel) -> None:
    kernel.run(OPEN.format(epochs=100000) + HELLO)
    code = (
        "bad = [None, 3, {}, {'kind': []}, {'kind': 'command', 'name': 'rm -rf'}, {'kind': 'field'},\n"
        "       {'kind': 'change', 'changes': {'data': 3}}, {'kind': 'seek', 'step': 1e300},\n"
        "       {'kind': 'change', 'changes': {'__class__': 1}}]\n"
        "for m in bad:\n"
        "    lab._handle_custom_msg(m, [])\n"
        "print(lab.run.state, '|', lab.session.error)"
    )
    state, error = kernel.run(code).split("|")
    assert state.strip() == "running" and error.strip()
    kernel.run("lab.close()")
    assert (
        kernel.run(
            "import threading; print([t.name for t in threading.enumerate() if 'clsviz' in t.name])"
        ).strip()
        == "[]"
    )


def test_importing_clsviz_is_quick_and_brings_no_torch(kernel: Kernel) -> None:
    out = kernel.run(
        "import sys, time; t = time.perf_counter(); import clsviz\n"
        "print(time.perf_counter() - t, 'torch' in sys.modules)"
    )
    seconds, torch = out.split()
    assert torch == "False" and float(seconds) < 0.5


def test_closing_a_lab_ends_its_fan_while_it_trains(kernel: Kernel) -> None:
    kernel.run(OPEN.format(epochs=100000) + HELLO)
    fan = "lab.session.answer({'kind': 'fan', 'path': 'optimizer.lr', 'seeds': 1}, lab)\n"
    wait = "import time\nwhile lab.fan is None or lab.fan.state != 'running': time.sleep(0.05)\n"
    out = kernel.run(fan + wait + "lab.member = 2; print(len(lab.fan.members))")
    assert int(out) > 5
    kernel.run("lab.close()")
    alive = "import threading; print([t.name for t in threading.enumerate() if 'clsviz' in t.name])"
    assert kernel.run(alive).strip() == "[]"
