"""How far the law is from real servers. The data is not part of the repository; without it these tests are skipped.

- LLMServingSim, bench/examples at commit 5daddb2 (MIT): 300 calls each to vLLM 0.19 at 10 a second, with the times of
  every call.
- DistServe, simdistserve/estimators/profile_data at commit 82831f1 (Apache-2.0): latencies on A100, as linear fits.
"""

from __future__ import annotations

import gzip
import json
import statistics
from pathlib import Path

import pytest

from orrery.models.serving import Call, Piece, Timing, simulate

ROOT = Path(__file__).parents[3]
PLACES = [place / "shared" / "data" / "serving" for place in (ROOT, ROOT.parent)]
DATA = next((place for place in PLACES if place.is_dir()), None)
needs_data = pytest.mark.skipif(DATA is None, reason="the data of real servers is not here")


@needs_data
@pytest.mark.parametrize(
    ("run", "timing", "bar"),
    [
        ("RTXPRO6000/Llama-3.1-8B", Timing(0.02, 67.77, 21_223, slots=128, slowdown=0.0069), 0.03),
        ("RTXPRO6000/Qwen3-32B", Timing(0.02, 33.33, 8205, slots=128, slowdown=0.0108), 0.03),
        # Its memory held 50 calls at most, of 256 that it would have taken; the law knows slots only.
        ("RTX4090/Llama-3.1-8B", Timing(0.02, 50.0, 8523, slots=50, slowdown=0.016), 0.08),
    ],
)
def test_latencies_of_real_calls_are_met(run: str, timing: Timing, bar: float) -> None:
    """The law was fitted to every other call of a run; the error is that of the calls between."""
    assert DATA is not None
    with gzip.open(DATA / "llmservingsim" / "measured" / run / "requests.jsonl.gz", "rt") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: row["queued_ts"])
    start = rows[0]["queued_ts"]
    calls = [
        Call((Piece(i, row["input_toks"]),), row["output_toks"], at=row["queued_ts"] - start)
        for i, row in enumerate(rows)
    ]
    measured = [row["last_token_ts"] - row["queued_ts"] for row in rows][1::2]
    expected = [one.seconds for one in simulate(calls, timing).calls][1::2]
    wrong = statistics.mean(abs(a - b) for a, b in zip(measured, expected, strict=True)) / statistics.mean(measured)
    assert wrong <= bar
    assert statistics.median(expected) == pytest.approx(statistics.median(measured), rel=2 * bar)


@needs_data
def test_the_law_is_good_at_one_length_of_contexts_and_off_far_from_it() -> None:
    """The steps of DistServe grow with their contexts, ours do not: taken at 512 tokens, held to 128 to 2048."""
    assert DATA is not None
    steps, prefills = [], []
    for path in sorted((DATA / "distserve").glob("*.json")):
        for sizes in json.loads(path.read_text()).values():
            for fit in sizes.values():
                fixed, per_context, per_call = fit["decoding_smallbs"]
                ready, per_token, per_square = fit["prefill"]
                each = per_call + 512 * per_context
                law = Timing(
                    first_s=ready / 1e3,
                    tokens_per_s=1e3 / (fixed + each),
                    prefill_per_s=1e3 / (per_token + 512 * per_square),
                    slots=64,
                    slowdown=each / (fixed + each),
                )
                for batch in (1, 2, 4, 8, 16, 32, 64):
                    for context in (128, 256, 512, 1024, 2048):
                        real = fixed + batch * (per_call + context * per_context)
                        steps.append(abs(1e3 / law.tokens_per_s * law.company(batch) / real - 1))
                for tokens in (64, 128, 256, 512, 1024, 2048):
                    real = ready + tokens * per_token + tokens**2 * per_square
                    prefills.append(abs(1e3 * law.due_s(1, uncached=tokens) / real - 1))
    assert statistics.median(steps) <= 0.05
    assert statistics.median(prefills) <= 0.02
    # The worst are batches of 64: with contexts of 128 a step is too slow by as much, with 2048 too fast.
    assert 0.5 <= max(steps) <= 0.9
    assert max(prefills) <= 0.25
