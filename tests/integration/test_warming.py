"""After warming, the usual frames find everything compiled."""

import numpy as np
import pytest
from fabio.compression import compByteOffset
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.packed_images import ByteOffset
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration import defects
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.kernels import eiger as bitshuffle
from latticewatch.processing.integration.kernels import eight_frames as batch
from latticewatch.processing.integration.kernels import one_frame as kernel
from latticewatch.processing.integration.warming import warm_up

GEOMETRY = Geometry(0.1, 0.005, 0.007, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6)
SHAPE = (60, 80)


def compiled() -> int:
    return sum(
        len(function.signatures)
        for module in (kernel, batch, bitshuffle, defects)
        for function in vars(module).values()
        if hasattr(function, "signatures")
    )


@pytest.mark.parametrize("kind", ["int32", "uint16", "uint32", "float32", "packed"])
def test_the_first_frames_compile_nothing(kind: str) -> None:
    warm_up()
    before = compiled()
    counts = np.random.default_rng(1).poisson(20.0, SHAPE).astype("int32" if kind == "packed" else kind)
    content = Image(packed(counts) if kind == "packed" else counts)
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE)
    results = integrator.integrate_many([Frame(number, "x", 0.0, 0.0, content) for number in range(16)])
    assert all(isinstance(result, Pattern) for result in results)
    assert compiled() == before


def packed(counts: NDArray[np.int32]) -> ByteOffset:
    return ByteOffset(np.frombuffer(compByteOffset(counts), np.uint8), SHAPE, np.dtype(np.int32))
