"""A warm process that forks children to train, and kills them where it is told to.

It reads one request a line on its standard input and answers each with one line. Starting Python and PyTorch takes
seconds and forking takes milliseconds, so this is what makes dozens of kills affordable. A request:

    {"verb": "train" | "resume", "out": path, "method": name, "data": path, "fault": null | {…}}

A fault is one of
    {"kind": "kill", "after": seconds}        SIGKILL from outside
    {"kind": "kill", "call": n}               SIGKILL at the n-th call that changes the disk; a write is torn in half
    {"kind": "interrupt", "call": n}          SIGINT at that call
    {"kind": "errno", "call": n, "errno": e}  that call and all later ones of its kind fail
    {"kind": "file size", "bytes": n}         no file may grow beyond n bytes

The answer: {"signal": number, "code": exit code, "error": type, "message": text, "calls": n, "seconds": s}.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import torch

import belamy
from belamy.errors import BelamyError
from belamy.methods.base import METHODS, BaseRecipe
from belamy.runs.run import RECIPE_TYPES
from belamy.training import pacing

pacing.CHEAP = float("inf")  # what is drawn is no matter of how busy the machine is

CHANGES = ("write", "fsync", "replace", "rename", "ftruncate", "mkdir", "unlink", "rmdir")
STEPS, BATCH = 6, 4
GROWING = ("write", "mkdir", "replace", "rename")


class Counter:
    """Counts the calls that change the disk and does something at one of them."""

    def __init__(self, fault: dict[str, Any]) -> None:
        self.fault, self.calls, self.full = fault, 0, False

    def install(self) -> None:
        for name in CHANGES:
            setattr(os, name, self.wrapped(name, getattr(os, name)))

    def wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.fault.get("call"):
                if self.fault["kind"] == "kill":
                    if name == "write":
                        original(args[0], bytes(args[1])[: len(args[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.fault["kind"] == "interrupt":
                    os.kill(os.getpid(), signal.SIGINT)
                self.full = self.fault["kind"] == "errno"
            if self.full and name in GROWING:
                raise OSError(self.fault["errno"], os.strerror(self.fault["errno"]))
            return original(*args, **options)

        return call


def perform(request: dict[str, Any]) -> None:
    """Train or resume as asked."""
    usual = {"progress": False, "checkpoint_seconds": 0}
    if request["verb"] == "resume":
        belamy.resume(request["out"], **usual)
        return
    recipe: BaseRecipe = RECIPE_TYPES.load(request["method"]).tiny().changed(batch=BATCH)
    wanted = dict(METHODS.load(request["method"]).requires(recipe))
    wanted.pop("styles", None)  # the recipe brings them
    data = request["data"] if wanted == {"main": "image"} else recipe.data
    belamy.train(recipe, out=request["out"], data=data, samples=STEPS * BATCH, snapshots=3, **usual)


def child(request: dict[str, Any], answer: int) -> None:
    """Perform a request in this forked process, write how it went, and leave."""
    fault = request["fault"] or {}
    counter = Counter(fault)
    said: dict[str, Any] = {"code": 0}
    write = os.write
    if fault.get("kind") == "file size":
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault["bytes"], fault["bytes"]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        counter.install()
        perform(request)
    except BelamyError as error:
        said = {"code": error.exit_code, "error": type(error).__name__, "message": str(error)}
    except BaseException:
        said = {"code": 1, "error": "traceback", "message": traceback.format_exc()}
    write(answer, json.dumps({**said, "calls": counter.calls}).encode())
    os._exit(0)


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, kill if asked, and tell."""
    reading, writing = os.pipe()
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        os.close(reading)
        child(request, writing)
    os.close(writing)
    if (request["fault"] or {}).get("after") is not None:
        time.sleep(request["fault"]["after"])
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(process, 0)[1]
    facts = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "seconds": time.monotonic() - started}
    return {"code": None, "error": None, "message": "", "calls": 0, **(json.loads(said) if said else {}), **facts}


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        if request["verb"] == "warm":
            perform({**request, "verb": "train"})
            gc.collect()
            gc.freeze()  # a child that collects would copy all that it shares with this process
            answer: dict[str, Any] = {}
        else:
            answer = serve(request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
