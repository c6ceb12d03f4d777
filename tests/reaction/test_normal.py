"""The normal distribution against SciPy's, and that a run can do without SciPy."""

import subprocess
import sys

import numpy as np
from scipy.special import ndtr

from latticewatch.processing.reaction.live.normal import normal_cdf


def test_normal_cdf_is_scipys() -> None:
    x = np.array([-np.inf, *np.linspace(-37.0, 37.0, 1481), np.inf])
    np.testing.assert_allclose(normal_cdf(x), ndtr(x), rtol=1e-13, atol=0.0)
    grid = np.asfortranarray(x[1:].reshape(2, -1))
    np.testing.assert_array_equal(normal_cdf(grid), normal_cdf(x)[1:].reshape(2, -1))
    assert np.isnan(normal_cdf(np.array([np.nan]))).all()


def test_fitting_and_judging_load_no_scipy() -> None:
    """It would take a tenth of a second of every start."""
    program = (
        "import sys\n"
        "from latticewatch.app.run.warming import warm_up\n"
        "assert warm_up() > 20\n"
        "print(*(name for name in sys.modules if name.startswith('scipy.')))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert not [name for name in said.split() if name.startswith(("scipy.linalg", "scipy.special", "scipy.optimize"))]
