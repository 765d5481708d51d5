"""Publishing into a data set of the Hub: the real client against a server on this machine that speaks as the Hub does.
The Hub itself was never asked."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from huggingface_hub import HfApi
from many_records import write_many_records

from genbench.errors import UsageError
from genbench.plugin.discovery import load_registry
from genbench_reports.publish.hugging_face import publish_to_hub
from genbench_reports.publish.publishing import Options, publish_into

JOBS = 4
NAME = "me/results"


class Hub:
    """One data set, as a list of commits: (id, files)."""

    def __init__(self) -> None:
        self.commits: list[tuple[str, dict[str, bytes]]] = [("0" * 40, {".gitattributes": b""})]
        self.moves_once: dict[str, bytes] | None = None
        """Files that somebody else commits just before our next commit."""
        self.refuses = False

    def commit(self, changed: dict[str, bytes], removed: list[str]) -> str:
        files = {**self.commits[-1][1], **changed}
        for name in removed:
            del files[name]
        name = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits.append((name, files))
        return name

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, body: object = b"", **headers: str) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlparse(self.path).path)
            by_id = dict(hub.commits)
            if path.startswith(f"/api/datasets/{NAME}/tree/"):
                commit = path.split("/")[6]
                files = by_id.get(commit, hub.files)
                entries = [
                    {
                        "type": "file",
                        "path": name,
                        "size": len(text),
                        "oid": hashlib.sha1(text).hexdigest(),
                    }
                    for name, text in files.items()
                ]
                self.answer(200, entries)
            elif path.startswith(f"/api/datasets/{NAME}"):
                commit = path.split("/revision/")[1] if "/revision/" in path else hub.commits[-1][0]
                if commit not in by_id:
                    commit = hub.commits[-1][0]
                siblings = [{"rfilename": name} for name in by_id[commit]]
                self.answer(200, {"id": NAME, "sha": commit, "siblings": siblings})
            elif path.startswith(f"/datasets/{NAME}/resolve/"):
                commit, _, name = path.removeprefix(f"/datasets/{NAME}/resolve/").partition("/")
                text = by_id.get(commit, hub.files)[name]
                etag = f'"{hashlib.sha1(text).hexdigest()}"'
                self.answer(200, text, ETag=etag, X_Repo_Commit=commit)
            else:
                self.answer(404, {"error": path})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = unquote(urlparse(self.path).path)
            if hub.refuses:
                self.answer(403, {"error": "You have no right to write here"})
            elif path == "/api/validate-yaml":
                self.answer(200, {"errors": [], "warnings": []})
            elif path.endswith("/preupload/main"):
                files = json.loads(body)["files"]
                self.answer(
                    200,
                    {
                        "files": [
                            {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                            for each in files
                        ]
                    },
                )
            elif path.endswith("/commit/main"):
                lines = [json.loads(line) for line in body.splitlines()]
                if hub.moves_once is not None:
                    hub.commit(hub.moves_once, [])
                    hub.moves_once = None
                if lines[0]["value"]["parentCommit"] != hub.commits[-1][0]:
                    self.answer(412, {"error": "A commit has happened since"})
                    return
                changed = {
                    line["value"]["path"]: base64.b64decode(line["value"]["content"])
                    for line in lines
                    if line["key"] == "file"
                }
                removed = [line["value"]["path"] for line in lines if line["key"] == "deletedFile"]
                name = hub.commit(changed, removed)
                url = f"https://huggingface.co/datasets/{NAME}/commit/{name}"
                self.answer(200, {"commitUrl": url, "commitOid": name, "pullRequestUrl": None})
            else:
                self.answer(404, {"error": path})

    return Handler


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def api(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HfApi]:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield HfApi(endpoint=f"http://127.0.0.1:{server.server_port}", token="hf_made_up")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def upload(api: HfApi, run: Path) -> str | None:
    def publish(folder: Path) -> bool:
        return publish_into(folder, [run], load_registry(), Options(NAME)).is_changed

    return publish_to_hub(NAME, "publish", publish, api)


def records(hub: Hub) -> set[str]:
    return {name for name in hub.files if name.startswith("records/")}


def test_records_are_added_in_one_commit_and_never_twice(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    mine = write_many_records(tmp_path / "mine", JOBS, datasets=1, seeds=1).folder
    where = upload(api, mine)
    assert where is not None
    assert where.endswith(hub.commits[-1][0])
    assert len(hub.commits) == 2
    assert len(records(hub)) == JOBS
    assert {
        "index.html",
        "results.csv",
        "README.md",
        "exports/croissant/pictures-00.json",
    } <= hub.files.keys()
    before = hub.files
    assert upload(api, mine) is None
    assert len(hub.commits) == 2
    other = write_many_records(tmp_path / "other", JOBS, datasets=1, seeds=1, cpu="Other CPU").folder
    assert upload(api, other) is not None
    assert len(records(hub)) == 2 * JOBS
    assert {name: text for name, text in hub.files.items() if name in before and name in records(hub)} == {
        name: text for name, text in before.items() if name.startswith("records/")
    }


def test_a_commit_of_somebody_else_meanwhile_is_kept(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    mine = write_many_records(tmp_path / "mine", JOBS, datasets=1, seeds=1).folder
    hub.moves_once = {"notes.txt": b"theirs"}
    assert upload(api, mine) is not None
    assert hub.files["notes.txt"] == b"theirs"
    assert len(records(hub)) == JOBS


def test_a_refusal_and_a_silent_hub_are_one_line(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    mine = write_many_records(tmp_path / "mine", JOBS, datasets=1, seeds=1).folder
    hub.refuses = True
    with pytest.raises(UsageError, match=r"^the Hub refused hf:me/results: [^\n]*$"):
        upload(api, mine)
    with pytest.raises(UsageError, match=r"^the Hub cannot be reached for hf:me/results: [^\n]*$"):
        upload(HfApi(endpoint="http://127.0.0.1:9", token="hf_made_up"), mine)
