"""The CDNOW data set, where it is, and parameters that were estimated on it."""

from pathlib import Path

import pytest

from actors.lifetime.model import BgNbd, GammaGamma

CDNOW = Path(__file__).parents[4] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
CALIBRATED_UNTIL = "1997-09-30"

needs_cdnow = pytest.mark.skipif(
    not CDNOW.is_file(), reason="the CDNOW data set is not at ../shared/data/cdnow"
)

BUYING = BgNbd(r=0.2425945, alpha=4.4136017, a=0.7929220, b=2.4259067)
SPEND = GammaGamma(p=6.25, q=3.74, v=15.44)
