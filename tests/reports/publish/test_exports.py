"""Exports, checked by packages of those who published the formats: huggingface_hub, every-eval-ever, mlcroissant."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from many_records import write_many_records

from genbench.plugin.discovery import load_registry
from genbench_reports.leaderboard.rows import Board
from genbench_reports.overview.document import make_document
from genbench_reports.publish.croissant import croissant, croissant_files
from genbench_reports.publish.eval_results import eval_results_files
from genbench_reports.publish.every_eval_ever import SCHEMA_VERSION, every_eval_ever_files

UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> list[Board]:
    run = write_many_records(tmp_path_factory.mktemp("exports") / "run", 48, datasets=2, seeds=3)
    return [each.board for each in make_document(run, load_registry()).leaderboards.boards]


def test_eval_results_are_read_by_the_hubs_client(boards: list[Board]) -> None:
    files = eval_results_files(boards, "me/results")
    assert len(files) == len({row.label for board in boards for row in board.contenders})
    for path, content in files.items():
        assert re.fullmatch(r"exports/eval_results/[\w.=-]+\.yaml", path)
        for entry in parse_eval_result_entries(yaml.safe_load(content)):
            board = next(each for each in boards if each.setting.job.dataset == entry.task_id)
            row = next(row for row in board.rows if path.split("/")[-1].startswith(row.label.split(":")[0]))
            assert entry.dataset_id == "me/results"
            assert entry.value == row.mean(board.headline)
            assert entry.source_url == "https://huggingface.co/datasets/me/results"
            assert "3 seeds" in (entry.notes or "")


def eval_schema() -> dict[str, Any]:
    """That of the package, which is not imported: it takes a newer Python than ours."""
    found = importlib.util.find_spec("every_eval_ever")
    if found is None or found.origin is None:
        pytest.skip("every-eval-ever is not installed (CONTRIBUTING.md says how)")
    text = (Path(found.origin).parent / "schemas" / "eval.schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    return schema


def test_every_eval_ever_keeps_to_its_schema(boards: list[Board]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = eval_schema()
    assert schema["version"] == SCHEMA_VERSION
    validator = jsonschema.validators.validator_for(schema)(schema)
    files = every_eval_ever_files(boards, "somebody")
    assert files
    for content in files.values():
        assert [error.message for error in validator.iter_errors(json.loads(content))] == []
    broken = json.loads(next(iter(files.values())))
    del broken["evaluation_results"][0]["score_details"]["score"]
    assert list(validator.iter_errors(broken))


def test_every_eval_ever_has_the_values_of_the_board(boards: list[Board]) -> None:
    files = every_eval_ever_files(boards, "somebody")
    assert every_eval_ever_files(boards, "somebody") == files
    for path, content in files.items():
        *folder, name = path.split("/")
        assert folder[:5] == ["exports", "every_eval_ever", "data", "genai-bench", "genbench"]
        assert UUID_4.fullmatch(name.removesuffix(".json"))
        document = json.loads(content)
        for found in document["evaluation_results"]:
            board = next(each for each in boards if each.setting.job.dataset == found["evaluation_name"])
            row = next(row for row in board.rows if row.label == document["model_info"]["name"])
            metric = found["metric_config"]["metric_name"]
            assert found["score_details"]["score"] == row.mean(metric)
            assert found["metric_config"]["lower_is_better"] == (board.metrics[metric].better == "lower")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::SyntaxWarning", "ignore::FutureWarning")
def test_croissant_is_accepted_by_mlcroissant() -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    cards = load_registry().datasets
    for name, card in cards.items():
        dataset = mlcroissant.Dataset(jsonld=croissant(card))
        assert dataset.metadata.issues.errors == set(), name
        assert dataset.metadata.name == name
    wrong = croissant(cards["mnist"])
    del wrong["distribution"][0]["sha256"]
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(jsonld=wrong)


def test_croissant_names_the_published_files() -> None:
    cards = load_registry().datasets
    files = croissant_files(cards)
    assert len(files) == len(cards)
    mnist = json.loads(files["exports/croissant/mnist.json"])
    assert {each["name"] for each in mnist["distribution"]} == {file.name for file in cards["mnist"].files}
    assert all(re.fullmatch("[0-9a-f]{64}", each["sha256"]) for each in mnist["distribution"])
