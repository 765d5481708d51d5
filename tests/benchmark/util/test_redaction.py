"""Passwords and tokens in text are left out, and nothing else is."""

from __future__ import annotations

import pytest

from genbench.util.redaction import redacted, redacted_bytes


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("mlflow:https://me:s3cret@host:8080/x", "mlflow:https://host:8080/x"),
        ("cannot fetch https://ghp_s3cret@host/a?b=c: refused", "cannot fetch https://host/a?b=c: refused"),
        ("https://host/a?token=s3cret&page=2", "https://host/a?token=***&page=2"),
        ("https://host/a?page=2&X-Amz-Signature=s3cret#end", "https://host/a?page=2&X-Amz-Signature=***#end"),
        (
            '{"reason": "https://host/?api_key=s3cret", "n": 1}',
            '{"reason": "https://host/?api_key=***", "n": 1}',
        ),
        ("Authorization: Bearer s3cret-s3cret", "Authorization: Bearer ***"),
        ("postgresql+psycopg://u:s3cret@db/mlflow", "postgresql+psycopg://db/mlflow"),
    ],
)
def test_secrets_are_left_out(text: str, stored: str) -> None:
    assert redacted(text) == stored
    assert redacted_bytes(text.encode()) == stored.encode()


@pytest.mark.parametrize(
    "text",
    [
        "a@b.org",
        "https://host/a?b=c&monkey=banana",
        "vae:hidden=3,key=4",
        "beta?",
        "what the tokens=65 are",
        "é ± 日",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redacted(text) == text
    assert redacted_bytes(text.encode()) == text.encode()
