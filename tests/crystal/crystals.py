"""A crystal of every system, most of them published structures, as CIFs."""

TAGS = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
LOOP = (
    "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    "_atom_site_U_iso_or_equiv\n"
)
CRYSTALS: dict[str, tuple[str, tuple[float, ...], str]] = {
    "triclinic": (
        "P -1",
        (4.1, 4.9, 5.6, 82.0, 95.0, 101.0),
        "Pb1 Pb .12 .21 .33 .01\nBr1 Br .61 .55 .12 .01\nO1 O .35 .8 .65 .01",
    ),
    "monoclinic": (  # baddeleyite
        "P 1 21/c 1",
        (5.15, 5.21, 5.32, 90, 99.2, 90),
        "Zr1 Zr .2754 .0395 .2083 .004\nO1 O .07 .3317 .3447 .005\nO2 O .4496 .7569 .4792 .005",
    ),
    "orthorhombic": (  # CsPbBr3 at room temperature
        "P n m a",
        (8.252, 11.753, 8.203, 90, 90, 90),
        "Cs1 Cs .0294 .25 .9911 .05\nPb1 Pb 0 0 .5 .02\nBr1 Br .4999 .25 .0530 .05\nBr2 Br .2060 .0260 .7949 .05",
    ),
    "tetragonal": (
        "P 4 m m",
        (4.0, 4.0, 4.03, 90, 90, 90),
        "Ba1 Ba 0 0 0 .005\nTi1 Ti .5 .5 .522 .006\nO1 O .5 .5 -.024 .007\nO2 O .5 0 .488 .006",
    ),
    "rhombohedral": (  # bismuth, on its own axes
        "R -3 m:R",
        (4.746, 4.746, 4.746, 57.23, 57.23, 57.23),
        "Bi1 Bi .2339 .2339 .2339 .01",
    ),
    "corundum": ("R -3 c:H", (4.759, 4.759, 12.992, 90, 90, 120), "Al1 Al 0 0 .35219 .003\nO1 O .30624 0 .25 .004"),
    "eskolaite": ("R -3 c:H", (4.959, 4.959, 13.594, 90, 90, 120), "Cr1 Cr 0 0 .3475 .003\nO1 O .305 0 .25 .004"),
    "zincite": (
        "P 63 m c",
        (3.2498, 3.2498, 5.2066, 90, 90, 120),
        "Zn1 Zn .333333 .666667 0 .006\nO1 O .333333 .666667 .3821 .006",
    ),
    "cubic": ("F m -3 m", (5.411, 5.411, 5.411, 90, 90, 90), "Ce1 Ce 0 0 0 .005\nO1 O .25 .25 .25 .008"),
}


def cif_of(name: str) -> str:
    """The CIF of one of these crystals."""
    group, cell, atoms = CRYSTALS[name]
    edges = "\n".join(f"_cell_{tag} {value}" for tag, value in zip(TAGS, cell, strict=True))
    return f"data_{name}\n_space_group_name_H-M_alt '{group}'\n{edges}\n{LOOP}{atoms}\n"
