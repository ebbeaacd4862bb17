"""Any order of publishing, writing into objects, lookups, deletions and collections, compared with a model."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.store.garbage import collect
from typedpipe.local.store.root import open_root
from typedpipe.runs.model import ArtifactRef
from typedpipe.runtime.task import describe

TEXTS = st.sampled_from(["", "a", "b", "long" * 1000])
KEYS = st.sampled_from(["k1", "k2", "k3"])
KINDS = st.sampled_from(["file", "folder", "empty"])


class Store(RuleBasedStateMachine):
    """The model: what each digest holds, which objects were spoilt, which result each key has and which run made it."""

    @initialize()
    def begin(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="typedpipe-machine-"))
        self.root = open_root(self.place / "root", create=True)
        self.content: dict[str, tuple[str, str]] = {}
        self.spoilt: set[str] = set()
        self.results: dict[str, tuple[str, str]] = {}
        self.runs: dict[str, set[str]] = {}
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.root.close()
            shutil.rmtree(self.place)

    def make(self, kind: str, text: str) -> tuple[str, str]:
        self.count += 1
        path = self.place / f"made-{self.count}"
        if kind == "file":
            path.write_text(text)
        else:
            path.mkdir()
            if kind == "folder":
                (path / "deep").mkdir()
                (path / "deep/file").write_text(text)
        return str(path), describe(str(path))[0]

    @rule(kind=KINDS, text=TEXTS, key=KEYS)
    def a_task(self, kind: str, text: str, key: str) -> None:
        """A run of one task, which makes an artifact and remembers it."""
        path, digest = self.make(kind, text)
        name = f"run-{self.count:04}"
        run = self.root.new_run(name, Pipeline("p", Graph(), closed=True), {}, {})
        place = self.root.objects.publish(path, digest)
        assert not os.path.lexists(path)
        self.content[digest] = (kind, text)
        self.spoilt.discard(digest)  # an equal one that was spoilt has been set aside
        value = {"x": ArtifactRef(place, {"digest": digest, "uri": place})}
        run.index.finished("t", "c", "SUCCEEDED", outputs=value, key=key)
        run.index.run_finished("SUCCEEDED", "", {}, time.time())
        run.index.commit()
        run.close()
        self.root.cache.put(key, value, name, "t", "c")
        self.root.cache.commit()
        self.results[key] = (digest, name)
        self.runs[name] = {digest, key}

    @rule(data=st.data())
    def spoil(self, data: st.DataObject) -> None:
        whole = sorted(digest for digest in self.content if self.content[digest][0] == "file")
        if not whole:
            return
        digest = data.draw(st.sampled_from(whole))
        place = self.root.objects.path(digest)
        os.chmod(place, 0o644)
        Path(place).write_text("spoilt")
        self.spoilt.add(digest)

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        if self.content:
            os.utime(self.root.objects.path(data.draw(st.sampled_from(sorted(self.content)))))

    @rule(key=KEYS)
    def look_up(self, key: str) -> None:
        found = self.root.cache.find(key)
        held = self.results[key][0] if key in self.results else ""
        if held not in self.content or held in self.spoilt:
            assert found is None
            self.results.pop(key, None)
        else:
            assert found is not None
            digest, run = self.results[key]
            item = found.outputs["x"]
            assert (
                isinstance(item, ArtifactRef)
                and item.path == self.root.objects.path(digest)
                and found.source_run == run
            )

    @rule()
    def set_aside(self) -> None:
        assert set(self.root.objects.changed(sorted(self.content))) == self.spoilt
        for digest in self.spoilt:
            self.root.objects.quarantine(digest)
            del self.content[digest]
        self.spoilt = set()  # results that refer to these hold again if a task creates the same content

    @rule(keep=st.integers(0, 3))
    def collect(self, keep: int) -> None:
        collect(self.root, keep=keep)
        for name in sorted(self.runs)[: max(0, len(self.runs) - keep)]:
            del self.runs[name]
        used = set().union(*self.runs.values())
        self.content = {digest: held for digest, held in self.content.items() if digest in used}
        self.spoilt &= set(self.content)
        self.results = {key: f for key, f in self.results.items() if key in used and f[0] in self.content}

    @rule()
    def open_again(self) -> None:
        self.root.cache.commit()
        self.root.close()
        self.root = open_root(self.place / "root", create=True)

    @invariant()
    def objects_are_what_they_are_called(self) -> None:
        if not hasattr(self, "root"):
            return
        assert set(self.root.objects.all()) == set(self.content)
        for digest in set(self.content) - self.spoilt:
            assert describe(self.root.objects.path(digest))[0] == digest


TestStore = Store.TestCase
TestStore.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
