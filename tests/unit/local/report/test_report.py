"""The whole page: its parts, its content security policy, and user text in every position."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from report_page import Read, read_page
from report_samples import BEGUN, HOSTILE, artifact, render_report, run, task, tuned

from typedpipe.report.documents import digest
from typedpipe.runs.model import Task

POLICY = "Content-Security-Policy"


def policy(read: Read) -> str:
    return next(each["content"] for each in read.of("meta") if each.get("http-equiv") == POLICY)


def test_the_page_of_a_run(tmp_path: Path) -> None:
    read = read_page(render_report(run(tmp_path, arguments={"count": "4"}, outputs={"Output": '"rate 2"'}), tuned()))
    for word in ("tune", "Tries several rates.", "20260921-tune-abc", "10.0 s", '"rate 2"', "Critical path", "3.11.7"):
        assert word in read.text
    sections = [each["id"] for each in read.of("section")]
    assert sections == ["values", "graph", "timeline", "metrics", "tasks", "configuration"]
    assert [each["id"] for each in read.of("details") if "id" in each] == ["t0", "n1", "t1", "t2", "t3", "t4"]


def test_only_our_own_style_and_script_are_allowed(tmp_path: Path) -> None:
    read = read_page(render_report(run(tmp_path), tuned()))
    assert policy(read).startswith("default-src 'none'; ")
    assert "unsafe" not in policy(read)
    assert digest("".join(read.raw["script"])) in policy(read)
    assert digest("".join(read.raw["style"])) in policy(read)
    assert not re.search(r"url\(|@import|https?:", "".join(read.raw["style"] + read.raw["script"]))


def hostile_tasks(folder: Path) -> list[Task]:
    folder.mkdir(parents=True)
    (folder / "log").write_text(f"{HOSTILE}\n\x1b[31mred\x1b[0m\x00\r\n{HOSTILE}</pre>")
    (folder / "page.md").write_text(f"# {HOSTILE}\n[x](javascript:alert(1)) ![i](http://e.x/i.png) <script>x</script>")
    (folder / "page.html").write_text(f'<script>1</script>{HOSTILE}" onload="alert(1)')
    matrix = {
        "annotationSpecs": [{"displayName": HOSTILE}, {"displayName": "b"}],
        "rows": [{"row": [1, 2]}, {"row": [3, 4]}],
    }
    curve = [{"falsePositiveRate": 0.1, "recall": 0.5, "confidenceThreshold": float("inf")}]
    outputs = {
        HOSTILE: artifact("system.Metrics", metadata={HOSTILE: HOSTILE, "loss": float("nan")}),
        "c": artifact("system.ClassificationMetrics", confusionMatrix=matrix, confidenceMetrics=curve),
        "s": artifact(
            "system.SlicedClassificationMetrics",
            evaluationSlices=[{"slice": HOSTILE, "sliceClassificationMetrics": {"confidenceMetrics": curve}}],
        ),
        "m": artifact("system.Markdown", folder / "page.md"),
        "h": artifact("system.HTML", folder / "page.html"),
        "d": artifact(HOSTILE, Path(HOSTILE)),
    }
    inputs = {HOSTILE: f'"{HOSTILE.replace(chr(34), "")}"', "lines": '"a\\n</pre><b>"', "broken": "{" + HOSTILE}
    more = {"folder": folder, "inputs": inputs, "outputs": outputs, "message": HOSTILE, "component": HOSTILE}
    both = [task(f"{HOSTILE}[{index}]/x", 0, 1, index, state="FAILED", **more) for index in range(6)]
    return [*both, task(HOSTILE, 0, 2, 6, **more, source_run=HOSTILE, key=HOSTILE)]


def test_text_of_the_user_is_text_everywhere(tmp_path: Path) -> None:
    hostile = run(
        tmp_path / "run",
        name=HOSTILE,
        pipeline=HOSTILE,
        state="FAILED",
        message=HOSTILE,
        arguments={HOSTILE: '"x"', "count": f'"{HOSTILE}'},
        settings={HOSTILE: HOSTILE},
        outputs={HOSTILE: "null", "a": artifact(HOSTILE)},
    )
    html = render_report(hostile, hostile_tasks(tmp_path / "task"))
    read = read_page(html)
    assert not read.of("img")
    assert {each["sandbox"] for each in read.of("iframe")} == {"allow-scripts"}
    assert "<img src=x onerror=alert(1)>" in read.text  # seen, as text
    assert "{{x}}" in read.text
    assert "<U+202E>" in read.text
    assert not [each for each in read.of("a") if not each["href"].startswith(("#", "http"))]


def test_a_failed_run_says_first_what_went_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log").write_text("loading\nTraceback (most recent call last):\nKeyError: 'x'\n")
    failed = task("load-rows", 0, 1, 0, state="FAILED", folder=tmp_path / "a", message="KeyError: 'x'", exit_code=1)
    left = replace(task("choose", 0, 0, 1, state="OMITTED"), attempts=(), started=None, message="`load-rows` failed")
    stored = run(tmp_path / "r", state="FAILED", message="load-rows: KeyError: 'x'")
    read = read_page(render_report(stored, [failed, left]))
    assert read.of("section")[0]["id"] == "errors"
    first = read.text.index("Failures", read.text.index("Configuration"))
    assert first < read.text.index("Traceback (most recent") < read.text.index("Tasks", first)
    assert read.text.count("load-rows: KeyError") == 0  # the run's message is the task's, and is said once
    assert len(read.classed("g-failed")) == 1
    assert read.classed("g-omitted")


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    half = replace(task("load-rows", 0, 0, 0, state="RUNNING"), finished=None)
    half = replace(half, attempts=(replace(half.attempts[0], finished=None, exit_code=None),))
    read = read_page(render_report(run(tmp_path, state="RUNNING", finished=None), [half]))
    assert "so far" in read.text
    assert len(read.classed("g-running")) == 1


def test_reused_and_retried_tasks(tmp_path: Path) -> None:
    reused = replace(task("load-rows", 0, 0, 0, reused="cache", source_run="old-run"), attempts=(), started=None)
    tried = task("for[0]/train", 1, 2, 1, state="FAILED", message="no memory")
    again = replace(tried.attempts[0], number=2, state="SUCCEEDED", started=BEGUN + 4, finished=BEGUN + 5)
    tried = replace(tried, attempts=(*tried.attempts, again), state="SUCCEEDED", finished=BEGUN + 5)
    read = read_page(render_report(run(tmp_path), [reused, tried]))
    assert "reused from old-run" in read.text
    assert "load-rows reused" in read.text
    assert "running for 4.0 s of 10.0 s" in read.text
    assert "waited 2.0 s before attempt 2" in read.text
    assert "2 attempts" in read.text
    assert len(read.classed("g-reused")) == 1


@pytest.mark.parametrize("broken", [b"", b"garbage", None])
def test_a_pipeline_that_cannot_be_read_is_said_and_the_rest_is_shown(tmp_path: Path, broken: bytes | None) -> None:
    stored = run(tmp_path)
    if broken is None:
        stored.pipeline_file.unlink()
    else:
        stored.pipeline_file.write_bytes(broken)
    (tmp_path / "run.json").write_text("[")
    read = read_page(render_report(stored, tuned()))
    assert "cannot be read" in read.text
    assert "for[2]/train" in read.text
    assert "Metrics" in read.text


def test_a_run_without_tasks(tmp_path: Path) -> None:
    read = read_page(render_report(run(tmp_path), []))
    assert [each["id"] for each in read.of("section")] == ["values", "graph", "configuration"]


def test_a_thousand_tasks(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("epoch 1: loss 0.1\n" * 500)
    tasks = [
        replace(
            each,
            attempts=tuple(replace(attempt, key=str(tmp_path), log=str(tmp_path / "log")) for attempt in each.attempts),
        )
        for each in tuned(1000)
    ]
    html = render_report(run(tmp_path / "r", finished=BEGUN + 1010), tasks)
    assert len(html) < 4_000_000
    read = read_page(html)
    assert len(read.classed("task")) == 1002
    assert len(read.classed("fold")) == 1


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(page: Path, profile: Path) -> subprocess.CompletedProcess[str]:
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=2000 --window-size=1280,6000"
    return subprocess.run(
        [str(CHROMIUM), *options.split(), f"--user-data-dir={profile}", "--dump-dom", f"file://{page}#t2"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    (tmp_path / "x.html").write_text("<p id=x>no</p><script>document.getElementById('x').textContent = 'ran'</script>")
    outputs = {"Output": artifact("system.HTML", tmp_path / "x.html")}
    page.write_text(
        render_report(run(tmp_path / "r"), [*tuned(), task("page", 0, 1, 9, outputs=outputs)]), encoding="utf-8"
    )
    done = browse(page, tmp_path / "profile")
    assert "CONSOLE" not in done.stderr, done.stderr
    opened = re.findall(r'<details id="(\w+)" class="\w+" open="">', done.stdout)
    assert opened == ["n1", "t2"]  # the link leads into the folded loop


CALL = """
const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PORT'}]});
peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
"""
NESTED = f"""<body><script>
const own = document.currentScript.textContent;
if (parent.parent === top && parent !== top) {{ {CALL} }}
else {{ const f = document.createElement('iframe'); f.srcdoc = '<script>' + own + '<' + '/script>'; document.body.append(f); }}
</script>"""
REACHES = {
    "WebRTC": f"<script>{CALL}</script>",
    "WebRTC in a frame": NESTED,
    "fetch": "<script>fetch('http://127.0.0.1:PORT/')</script>",
    "WebSocket": "<script>new WebSocket('ws://127.0.0.1:PORT/')</script>",
    "beacon": "<script>navigator.sendBeacon('http://127.0.0.1:PORT/')</script>",
    "image": "<img src='http://127.0.0.1:PORT/'>",
    "style": "<style>body { background: url(http://127.0.0.1:PORT/) }</style>",
}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_document_does_not_reach_the_network(tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        tcp.listen()
        tasks: list[Task] = []
        for number, text in enumerate(REACHES.values()):
            path = tmp_path / f"{number}.html"
            path.write_text(text.replace("PORT", str(port)))
            tasks.append(task(f"page-{number}", 0, 1, number, outputs={"Output": artifact("system.HTML", path)}))
        page = tmp_path / "page.html"
        page.write_text(render_report(run(tmp_path / "r"), tasks), encoding="utf-8")
        done = browse(page, tmp_path / "profile")
        assert done.stderr.count("RTCPeerConnection is not defined") == 2
        for found in (tcp, udp):
            found.setblocking(False)
            with pytest.raises(BlockingIOError):
                found.recvfrom(1) if found is udp else found.accept()
