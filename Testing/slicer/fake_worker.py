"""A worker that speaks the protocol and computes nothing of worth: for tests of everything that can go wrong with one.

Run as ``python fake_worker.py SCENARIO NOTES …``; NOTES is a file for what a test wants to know (process numbers, the
requests that came).
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

CARD = {
    "name": "toy-x2",
    "version": "1",
    "method": "toy",
    "summary": "A toy.",
    "fidelity": "none",
    "paper": {"citation": "none", "doi": "none"},
    "contrasts_in": ["T1w"],
    "contrasts_out": ["T1w"],
    "scale": 2,
    "axes": "in-plane",
    "spacing_mm": [1, 2],
    "training": {},
    "results": [],
    "limits": [],
    "intended_use": "Tests.",
    "licence": "none",
    "disclaimer": "For research, not for diagnosis.",
}
OTHER = {**CARD, "name": "toy-x4", "scale": 4}
THICK = {**OTHER, "name": "toy-thick-x4", "axes": "through-plane", "reference_contrasts": ["T1w", "T2w"]}
SPACE = {**CARD, "name": "toy-space-x3", "axes": "3d", "scale": 3}
PAIRED = {**CARD, "name": "toy-paired-x2", "reference_contrasts": ["T1w"], "reference_required": True}
RAW = {**CARD, "name": "toy-lf", "scale": None, "axes": None}
BRAIN = {**RAW, "name": "toy-gan", "contrasts_in": ["T1w", "T2w", "FLAIR"], "contrasts_out": ["T1w", "T2w", "FLAIR"]}
PAIR = {**RAW, "name": "toy-pair", "contrasts_out": ["T2w"]}
CARDS = {"super-resolve": (CARD, OTHER, THICK, SPACE, PAIRED), "reconstruct": (RAW,), "synthesize": (PAIR, BRAIN)}
REPORT = {
    "task": "super-resolve",
    "model": {"name": "toy-x2", "version": "1", "method": "toy", "title": "Toy", "sha256": "0" * 64},
    "scale": 2,
    "warnings": [],
    "disclaimer": "For research, not for diagnosis.",
}


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def hello(**changes):
    facts = {"protocol": 1, "library": "0.0", "pid": os.getpid(), "python": "3", "executable": "", "missing": []}
    say(type="hello", **{**facts, **changes})


def note(text):
    with Path(sys.argv[2]).open("a") as file:
        file.write(text + "\n")


def fail(number, kind, message, hint=""):
    say(type="error", id=number, kind=kind, message=message, hint=hint, traceback="Traceback (made up)")


def models(request):
    entries = [
        {"name": card["name"], "title": card["name"], "path": "", "source": "shipped", "error": "", "card": card}
        for task, cards in CARDS.items()
        if request["task"] in (task, None)
        for card in cards
    ]
    listed = {"models": [{**entry, "text": f"Card of {entry['name']}"} for entry in entries]}
    if request["task"] == "reconstruct":
        without = {"name": "cg-sense", "title": "CG-SENSE", "parameters": {}, "text": "Learns nothing.\n\nSolves <A>."}
        listed["classical"] = [without]
    if (wish := request.get("for")) is not None:
        spacing = wish["spacing"] or [1, 1, 1]
        other = "toy-paired-x2" if wish["reference"] else "toy-x2"
        listed["default"] = "toy-thick-x4" if max(spacing) > 5 else other
    say(type="result", id=request["id"], **listed)


def super_resolve(request):
    """Every voxel becomes two by two; the first sample stays, as after truncation of k-space.

    A reference is taken for what it is said to be, and moved; of a T2w there is a warning.
    """
    number, image = request["id"], request["input"]
    i, j, k = image["size"]
    voxels = np.fromfile(image["voxels"], dtype=image["pixel_type"]).reshape(k, j, i)
    path = Path(request["folder"]) / "result.raw"
    for step in range(5):
        say(type="progress", id=number, fraction=step / 4, seconds_left=4.0 - step, text="Computing")
        time.sleep(0.02)
    voxels.repeat(2, axis=1).repeat(2, axis=2).tofile(path)
    spacing = [image["spacing"][0] / 2, image["spacing"][1] / 2, image["spacing"][2]]
    result = {**image, "voxels": str(path), "size": [2 * i, 2 * j, k], "spacing": spacing, "window": [0.0, 100.0]}
    report = dict(REPORT)
    if request["reference"] is not None:
        moved = {"angle_deg": 1.25, "shift_mm": 0.75} if request["options"]["register"] else None
        contrast = request["reference_contrast"]
        report["reference"] = {"contrast": contrast, "registration": moved, "covered": 1.0}
        report["warnings"] = ["a toy likes no T2w"] if contrast == "T2w" else []
    say(type="result", id=number, image=result, maps={}, report=report)


def reconstruct(request):
    """Ones; attention in the middle voxel of the second slice; half as much zero-filled; twice as much of all samples.

    A simulated scan is given back as it is.
    """
    number, image, scan = request["id"], request["input"], request["simulate"]
    grid = {"size": [6, 5, 3], "spacing": [2.0, 2.0, 4.0], "origin": [0.0, 0.0, 0.0]}
    grid |= {"direction": [1.0, 0, 0, 0, 1, 0, 0, 0, 1], "pixel_type": "float32", "window": [0.0, 2.0]}
    voxels = np.ones((3, 5, 6), np.float32)
    if image is not None:
        voxels = np.fromfile(image["voxels"], image["pixel_type"]).reshape(image["size"][::-1])[
            scan["slices"] or slice(None)
        ]
        grid |= image | {"size": voxels.shape[::-1], "window": [0.0, 1000.0]}
    folder, learned = Path(request["folder"]), request["options"]["model"] == "toy-lf"

    def write(name, array):
        array.tofile(folder / f"{name}.out")
        return {**grid, "pixel_type": array.dtype.name, "voxels": str(folder / f"{name}.out")}

    say(type="progress", id=number, fraction=0.5, seconds_left=1.0, text="Computing")
    attention = np.zeros(voxels.shape, np.float32)
    attention[1 % len(attention), voxels.shape[1] // 2, voxels.shape[2] // 2] = 1
    maps = {"attention": attention, "without-lesion-term": 0.9 * voxels, "zero-filled": voxels / 2}
    known = [name for name in request["maps"] if learned or name == "zero-filled"]
    full = write("full", 2 * voxels) if request["retrospective"] else None
    truth = full is not None or image is not None
    model = {"name": "toy-lf", "version": "1", "method": "toy", "title": "Toy", "sha256": "0" * 64}
    if not learned:
        model = {"name": "cg-sense", "version": "1", "method": "cg-sense", "title": "CG-SENSE", "sha256": None}
    scores = [{"name": "lesion", "highest": 0.83, "slice": 1}, {"name": "none", "highest": 0.2, "slice": 0}]
    report = {
        "task": "reconstruct",
        "model": model,
        "inputs": [{"format": "simulated" if image else "numpy"}],
        "reconstruction": {"acceleration": 4.0, "scores": scores if learned else []},
        "warnings": ["a toy made this"],
    }
    rows = [{"method": model["name"], "psnr_db": 30.0, "ssim": 0.9, "nmae": 0.01}]
    say(
        type="result",
        id=number,
        image=write("image", voxels),
        maps={name: write(name, maps[name]) for name in known},
        full=full,
        report=report,
        rows=rows if truth else None,
        evaluation={"rows": rows, "definitions": {}} if truth else None,
    )


def synthesize(request):
    """The input plus 100 for T1w, 200 for T2w, 300 for FLAIR; the uncertainty is 1, and 250 in one voxel."""
    number, image, folder = request["id"], request["input"], Path(request["folder"])
    voxels = np.fromfile(image["voxels"], image["pixel_type"]).reshape(image["size"][::-1]).astype(np.float32)

    def write(name, array, window):
        array.tofile(folder / f"{name}.out")
        return {**image, "pixel_type": "float32", "voxels": str(folder / f"{name}.out"), "window": window}

    def source(contrast, *, first):
        moved = {"angle_deg": 1.25, "shift_mm": 0.75} if request["options"]["register"] and not first else None
        return {"contrast": contrast or "T1w", "guessed": contrast is None, "registration": moved}

    say(type="progress", id=number, fraction=0.5, seconds_left=1.0, text="Computing")
    others = [source(other["contrast"], first=False) for other in request["others"]]
    synthesis = {"synthetic": True, "sources": [source(request["source"], first=True), *others]}
    model = {"name": "toy-gan", "version": "1", "method": "toy", "title": "Toy GAN", "sha256": "0" * 64}
    spread = np.ones_like(voxels)
    spread[len(spread) // 2, 0, 0] = 250
    results, made = [], {}
    for contrast in request["to"]:
        made[contrast] = voxels + 100 * (1 + ["T1w", "T2w", "FLAIR"].index(contrast))
        maps = {name: write(f"{name}-{contrast}", spread, [0.0, 85.0]) for name in request["maps"]}
        report = {"task": "synthesize", "model": model, "warnings": ["a toy made this"]}
        report["synthesis"] = {**synthesis, "target": contrast}
        image_of = write(f"image-{contrast}", made[contrast], [0.0, 1000.0])
        results.append({"contrast": contrast, "image": image_of, "maps": maps, "report": report})
    truth, rows, difference = request["reference"], None, None
    if truth is not None:
        true = np.fromfile(truth["voxels"], truth["pixel_type"]).reshape(voxels.shape).astype(np.float32)
        difference = write("difference", made[request["to"][0]] - true, [-100.0, 100.0])
        rows = [{"method": "toy-gan", "psnr_db": 25.0, "ssim": 0.8, "nmae": 0.02, "vif": 0.5, "niqe": 4.0}]
    evaluation = None if rows is None else {"rows": rows, "definitions": {}}
    say(type="result", id=number, results=results, rows=rows, evaluation=evaluation, difference=difference)


def evaluate(request):
    """The difference, without a figure."""
    [name] = request["differences"]
    image, truth = request["results"][name], request["reference"]
    first, second = (np.fromfile(each["voxels"], each["pixel_type"]).astype(np.float32) for each in (image, truth))
    path = Path(request["folder"]) / "difference.out"
    (first - second).tofile(path)
    difference = {**image, "pixel_type": "float32", "voxels": str(path), "window": [-2.0, 2.0]}
    say(type="result", id=request["id"], rows=[], evaluation={}, differences={name: difference})


def for_ever(request):
    """Work without end that listens to nothing."""
    while True:
        say(type="progress", id=request["id"], fraction=0.25, seconds_left=75.0, text="Computing")
        time.sleep(0.05)


def until_cancelled(request):
    """Work without end that stops when asked to."""
    stopped = threading.Event()

    def listen():
        for line in sys.stdin:
            note(line)
            if json.loads(line)["do"] == "cancel":
                stopped.set()
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while not stopped.wait(0.05):
        say(type="progress", id=request["id"], fraction=0.25, seconds_left=75.0, text="Computing")
    fail(request["id"], "Cancelled", "cancelled")
    time.sleep(60)


def dies(request):
    sys.stderr.write("a last word\n")
    sys.stderr.flush()
    os._exit(3)


def out_of_memory(request):
    fail(request["id"], "OutOfMemory", "there is not enough memory", "choose a smaller tile size")


def model_gone(request):
    fail(request["id"], "ModelError", "there is no model called 'toy-x2'", "choose another model")


WORK = {"super-resolve": super_resolve, "reconstruct": reconstruct, "synthesize": synthesize, "evaluate": evaluate}
RUNS = {
    "deaf": for_ever,
    "obeys": until_cancelled,
    "dies": dies,
    "out-of-memory": out_of_memory,
    "model-gone": model_gone,
}


def main():
    scenario = sys.argv[1]
    if scenario == "deaf":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(str(child.pid))
    note(str(os.getpid()))
    if scenario == "silent":
        time.sleep(600)
    if scenario == "babbles":
        sys.stdout.write("Hello, world\n")
        sys.stdout.flush()
    hello(**{"other-version": {"protocol": 99}, "lacks-torch": {"missing": ["torch>=99"]}}.get(scenario, {}))
    for line in sys.stdin:
        request = json.loads(line)
        note(line.strip())
        if request["do"] == "models":
            models(request)
        elif request["do"] == "devices":
            devices = [{"name": "auto", "title": "Automatic (CPU)"}, {"name": "cpu", "title": "CPU"}]
            say(type="result", id=request["id"], devices=devices, precisions=["auto", "float32", "bfloat16"])
        elif request["do"] in WORK:
            RUNS.get(scenario, WORK[request["do"]])(request)
        elif request["do"] == "exit":
            return


if __name__ == "__main__":
    main()
