"""A geometry is judged on real frames of certified standards."""

import re
from collections.abc import Callable

from tests.app.conftest import Said
from tests.sample_data import sample

Command = Callable[..., Said]


def test_ceria_as_its_poni_means_it(latticewatch: Command) -> None:
    frame, poni = sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"), sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni")
    said = latticewatch("check-geometry", frame, "--calibrant", "CeO2", "--geometry", poni, "--orientation", 2)
    assert said.status == 0
    found = re.search(r"cell of CeO2: ([\d.]+) A", said.out)
    assert found
    assert abs(float(found[1]) - 5.4108) < 0.0005
    assert "accuracy of a lattice parameter" in said.out


def test_ceria_the_wrong_way_up_is_refused(latticewatch: Command) -> None:
    frame, poni = sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"), sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni")
    said = latticewatch("check-geometry", frame, "--calibrant", "CeO2", "--geometry", poni)
    assert said.status == 2
    assert "no ring of CeO2" in said.complaint
