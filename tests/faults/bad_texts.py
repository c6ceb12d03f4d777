"""Spoiled texts: poni, experiment.toml, CIF, accuracy file, logbook.toml."""

import functools

from tests.faults.bad_inputs import (
    CONTENTS,
    HOSTILE_NAMES,
    NO_FILES,
    Bench,
    Case,
    Spoil,
    given,
    new_poni,
    new_toml,
    numbered,
    process,
    replaced,
)

PONI = "geometry.poni"
PONI_LINES = {
    "Distance: 0.23": ["nan", "inf", "-inf", "0", "-0.2", "1e9", "230", "abc", "", "0.23 m", "0x1p3", "1e400"],
    "Poni1: -0.003": ["nan", "inf", "1e30", "x"],
    "Poni2: 0.0431": ["nan", "-inf", "9" * 400],
    "Rot1: 0.004": ["nan", "inf", "90", "1e300"],
    "Rot2: -0.003": ["nan", "one"],
    "Rot3: 0.0": ["inf", "--1"],
    "Wavelength: 6.4066000e-11": ["nan", "0", "-6e-11", "0.64066", "64", "inf", "1", "None", "6,4e-11"],
}
CONFIGS = [
    "{", "[]", "7", "null", '{"pixel1": NaN, "pixel2": 1e-4}', '{"pixel1": -1e-4, "pixel2": 1e-4}',
    '{"pixel1": 0, "pixel2": 0}',
    '{"pixel1": 172, "pixel2": 172}', '{"pixel1": "a", "pixel2": "b"}', '{"pixel1": [1], "pixel2": {}}',
    '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [0, 0]}', '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [1e30, 2]}',
    '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": "big"}',
    '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [99999999, 99999999]}',
    '{"pixel1": 1e-4, "pixel2": 1e-4, "orientation": 9}', '{"pixel1": 1e-4, "pixel2": 1e-4, "orientation": "up"}',
    '{"filename": "/etc/passwd"}', '{"splineFile": "/etc/passwd"}', '{"x_offset_file": "../../secret"}',
    "[" * 100_000,
    '{"pixel1": ' + "9" * 5000 + "}",
]  # fmt: skip
DETECTORS = ["/etc/passwd", "../../x.h5", "nosuch", "\x1b[31m", "<b>", "NexusDetector", "a" * 5000, "__import__('os')"]
TOML = "experiment.toml"
TOML_LINES = {
    'title = "Br/shell2 + I/shell1"': ["titel = 'x'", "title = 7", "title = 'a\x00b'", "title = [1]", "title ="],
    "mixing_time_s = 10.0": ["mixing_time_s = nan", "mixing_time_s = inf", "mixing_time_s = 'soon'",
    "mixing_time_s = true\n= 2"],
    "frame_period_s = 2.5": ["frame_period_s = 0", "frame_period_s = -1", "frame_period_s = nan",
    "frame_period_s = 1e999"],
    "reflection = [2, 1, 1]": [
        "reflection = [0, 0, 0]", "reflection = [2, 1]", "reflection = [2.5, 1, 1]", "reflection = 'x'",
        "reflection = [nan, 1, 1]",
        "two_theta_deg = [15, 14]", "two_theta_deg = [nan, 3]", "two_theta_deg = [-5, 500]",
        "two_theta_deg = [170, 175]",
        "two_theta_deg = [1]", "reflexion = [2, 1, 1]",
    ],
    'name = "Br"': [
        "name = ''", "name = 'a b'", "name = 'I'", "name = '../x'", "name = '=1+1'", "name = '<b>'",
        "name = 'x\\u001b[31m'",
        "name = 5", "name = '" + "n" * 400 + "'",
    ],
    'phase = "CsPbBr3"': [
        "phase = 'CsPbBr4'", "phase = ''", "phase = 'CsPbBr3'\ncif = 'x.cif'", "# none",
        "phase = '../../etc/passwd'", "phase = 'x\\u0000.cif'",
        "phase = 3", "cif = ''", "cif = 'lost.cif'", "cif = '/etc/passwd'", "cif = '../../../../etc/passwd'",
        "cif = '/dev/zero'", "cif = '.'",
        "cif = 'geometry.poni'",
    ],
    "lattice_parameter_A = 5.842": [
        "lattice_parameter_A = 0", "lattice_parameter_A = -5", "lattice_parameter_A = nan",
        "lattice_parameter_A = 1e9",
        "lattice_parameter_A = 0.58", "lattice_parameter_A = '5.8'x", "lattice_parameter_a = 5.8",
    ],
    "first_A = 5.842": ["first_A = 6.205", "first_A = nan", "first_A = 0", "first_A = 'x'",
    "first_A = 5.8\nbowing_A = inf", "# none"],
    "tolerance = 0.03": ["tolerance = 0", "tolerance = -1", "tolerance = 3", "tolerance = nan", "tolerance = [0.1]"],
    'poni = "geometry.poni"': [
        "poni = 'lost.poni'", "poni = '/etc/passwd'", "poni = '../../../../etc/passwd'", "poni = '/dev/zero'",
        "poni = ''", "poni = 7",
        "poni = 'a\\u0000b'", "poni = '~/x.poni'", "poni = '$HOME/x.poni'",
        "poni = 'geometry.poni'\nmask = '/dev/zero'",
        "poni = 'geometry.poni'\nmask = '/etc/passwd'", "poni = 'geometry.poni'\ndark = '../../lost.edf'",
        "poni = 'geometry.poni'\nflat = '.'", "poni = 'geometry.poni'\naccuracy = '/dev/zero'",
        "poni = 'geometry.poni'\norientation = 0",
        "poni = 'geometry.poni'\norientation = 9", "poni = 'geometry.poni'\npolarization = 2",
        "poni = 'geometry.poni'\npolarization = nan",
        "poni = 'geometry.poni'\nbins = 0", "poni = 'geometry.poni'\nbins = -5",
        "poni = 'geometry.poni'\nbins = 1000000000",
        "poni = 'geometry.poni'\nbins = 'many'", "poni = 'geometry.poni'\nnormalise_by = 3",
    ],
}  # fmt: skip
TOML_WHOLE = {
    "nothing in it": "",
    "only a comment": "# nothing\n",
    "no component": "[experiment]\ntitle = 'x'\n",
    "five components": "".join(f"[[component]]\nname = 'c{n}'\nphase = 'CsPbBr3'\n" for n in range(5)),
    "the same table twice": "[experiment]\n[experiment]\n",
    "the same key twice": "[experiment]\ntitle = 'a'\ntitle = 'b'\n",
    "brackets without end": "a = " + "[" * 200_000,
    "tables without end": "[" + ".".join(["a"] * 50_000) + "]\n",
    "a number of 100 000 digits": "a = " + "9" * 100_000,
    "many keys": "".join(f"k{n} = {n}\n" for n in range(60_000)),
    "a string without end": "title = '''" + "a" * 500_000,
    "json": '{"experiment": {}}',
    "yaml": "!!python/object/apply:os.system ['id']\n",
    "xml bomb": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "ini for Qt": "[General]\nx=@Variant(\\0\\0\\0\\x7f\\0\\0\\0\\x12PyQt_PyObject)\n",
    "component is no list": "[component]\nname = 'Br'\nphase = 'CsPbBr3'\n",
    "unknown table": "[[component]]\nname = 'Br'\nphase = 'CsPbBr3'\n[plateu]\ntolerance = 0.1\n",
    "alarm that is text": "[[component]]\nname = 'Br'\nphase = 'CsPbBr3'\n[alarm]\non_state = 'rm -rf x'\n",
    "alarm without words": "[[component]]\nname = 'Br'\nphase = 'CsPbBr3'\n[alarm]\non_state = []\n",
}
CIF = """data_x
_space_group_name_H-M_alt 'P m -3 m'
_cell_length_a 5.874
_cell_length_b 5.874
_cell_length_c 5.874
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 Cs 0 0 0
Pb1 Pb 0.5 0.5 0.5
Br1 Br 0.5 0.5 0
"""
CIF_CHANGES = {
    "no cell": ("_cell_length_a 5.874\n", ""),
    "cell of zero": ("_cell_length_a 5.874", "_cell_length_a 0"),
    "cell below zero": ("_cell_length_a 5.874", "_cell_length_a -5.874"),
    "cell of nan": ("5.874", "nan"),
    "cell of inf": ("5.874", "inf"),
    "cell that is text": ("5.874", "long"),
    "cell not known": ("5.874", "?"),
    "cell of a kilometre": ("5.874", "1e13"),
    "cell not cubic": ("_cell_length_b 5.874", "_cell_length_b 6.874"),
    "angle not right": ("_cell_angle_beta 90", "_cell_angle_beta 60"),
    "group not cubic": ("P m -3 m", "P n m a"),
    "group not known": ("P m -3 m", "X y z"),
    "group that is code": ("P m -3 m", "__import__(os).system(id)"),
    "no group": ("_space_group_name_H-M_alt 'P m -3 m'\n", ""),
    "no atoms": ("Cs1 Cs 0 0 0\nPb1 Pb 0.5 0.5 0.5\nBr1 Br 0.5 0.5 0\n", ""),
    "no places of atoms": ("_atom_site_fract", "_atom_site_frac"),
    "an unknown element": ("Cs1 Cs", "Xx1 Xx"),
    "an element that is code": ("Cs1 Cs", "Cs1 '<script>'"),
    "an atom at nan": ("Br1 Br 0.5 0.5 0", "Br1 Br nan 0.5 0"),
    "an atom nowhere": ("Br1 Br 0.5 0.5 0", "Br1 Br ? ? ?"),
    "a loop that does not come out": ("Br1 Br 0.5 0.5 0", "Br1 Br 0.5"),
    "a quote without end": ("Cs1 Cs", "'Cs1 Cs"),
    "a text without end": ("loop_", ";\nloop_"),
    "save frames without end": ("data_x", "data_x\n" + "save_a\n" * 1000),
}
ACCURACY = """accuracy_ppm = 100.0
calibrant = "LaB6"
frame = "lab6.cbf"
poni = "geometry.poni"
poni_sha256 = "{sha}"
orientation = 3
checked = 2026-11-01
rings = 9
"""
ACCURACY_LINES = {
    "accuracy_ppm = 100.0": ["accuracy_ppm = nan", "accuracy_ppm = -1", "accuracy_ppm = 1e99", "accuracy = 100"],
    'poni_sha256 = "{sha}"': ["poni_sha256 = 'zz'", "poni_sha256 = 5"],
    "checked = 2026-11-01": ["checked = 'yesterday'", "checked = 2026-13-45"],
    "rings = 9": ["rings = 0", "rings = -3"],
}
LOGBOOKS = {
    "nothing in it": "",
    "unknown kind": "[logbook.a]\nkind = 'fax'\nurl = 'https://x'\n",
    "a file for an address": "[logbook.a]\nkind = 'webhook'\nurl = 'file:///etc/passwd'\n",
    "no address": "[logbook.a]\nkind = 'webhook'\n",
    "an address with a line in it": "[logbook.a]\nkind = 'webhook'\nurl = 'https://x\\nHost: y'\n",
    "brackets without end": "a = " + "[" * 200_000,
}


def cases() -> list[Case]:
    return [*_ponis(), *_tomls(), *_cifs(), *_accuracies(), *_logbooks()]


def _lines(prefix: str, file: str, lines: dict[str, list[str]], key: bool) -> list[Case]:
    """Each line with each of its bad values; key: the values stand for what is behind the colon."""
    found = []
    for old, values in lines.items():
        for number, value in enumerate(values):
            new = f"{old.partition(':')[0]}: {value}" if key else value
            found.append(Case(f"{prefix}: {old.split()[0]} {number} {value[:30]!a}", replaced(file, old, new), ()))
    return found


def _ponis() -> list[Case]:
    found = [Case(case.name, case.spoil, (PONI,)) for case in _lines("poni", PONI, PONI_LINES, key=True)]
    config = 'Detector_config: {"pixel1": 0.000172, "pixel2": 0.000172, "orientation": 3}'
    found += numbered(
        "poni",
        [(f"config {text[:60]}", replaced(PONI, config, f"Detector_config: {text}")) for text in CONFIGS],
        PONI,
    )
    found += numbered(
        "poni",
        [
            (f"detector {name[:20]!a}", replaced(PONI, "Detector: Pilatus300k", f"Detector: {name}"))
            for name in DETECTORS
        ],
        PONI,
    )
    found += numbered("poni", [(name, new_poni(content)) for name, content in CONTENTS.items()], PONI)
    found += numbered(
        "poni",
        [(f"given {name}", given("--geometry", "given.poni", make)) for name, make in NO_FILES.items()],
        "given.poni",
    )
    lines = [(f"without {line.split(':')[0]}", replaced(PONI, f"{line}\n", "")) for line in PONI_LINES]
    return (
        found
        + numbered("poni", lines, PONI)
        + numbered(
            "poni named",
            [
                (name, given("--geometry", text, b"nothing"))
                for name, text in HOSTILE_NAMES.items()
                if name != "an option"
            ],
        )
    )


def _tomls() -> list[Case]:
    found = _lines("toml", TOML, TOML_LINES, key=False)
    found += numbered("toml", [(name, new_toml(text)) for name, text in TOML_WHOLE.items()], TOML)
    found += numbered("toml", [(name, new_toml(content)) for name, content in CONTENTS.items()], TOML)
    found += numbered(
        "toml",
        [(f"given {name}", given("--experiment", "given.toml", make)) for name, make in NO_FILES.items()],
        "given.toml",
    )
    return found + numbered(
        "toml named",
        [
            (name, given("--experiment", text, b"nothing"))
            for name, text in HOSTILE_NAMES.items()
            if name != "an option"
        ],
    )


def _with_cif(write: object) -> Spoil:
    def spoil(bench: Bench) -> list[object]:
        path = bench.scan / "given.cif"
        write(path) if callable(write) else path.write_bytes(write)  # type: ignore[arg-type]
        text = bench.toml.read_text()
        bench.toml.write_text(text.replace('phase = "CsPbBr3"', 'cif = "given.cif"'))
        return process(bench)

    return spoil


def _cifs() -> list[Case]:
    found = [(name, _with_cif(CIF.replace(old, new).encode())) for name, (old, new) in CIF_CHANGES.items()]
    atoms = "".join(f"Br{n} Br 0.1 0.2 0.3\n" for n in range(300_000))
    found += [("more atoms than a crystal", _with_cif((CIF + atoms).encode()))]
    found += [(name, _with_cif(content)) for name, content in CONTENTS.items()]
    found += [(name, _with_cif(make)) for name, make in NO_FILES.items()]
    return numbered("cif", found, "given.cif")


def _accuracies() -> list[Case]:
    def spoil(text: str, bench: Bench) -> list[object]:
        import hashlib

        sha = hashlib.sha256(bench.poni.read_bytes()).hexdigest()
        (bench.scan / "geometry.accuracy.toml").write_text(text.replace("{sha}", sha))
        named = 'poni = "geometry.poni"'
        bench.toml.write_text(bench.toml.read_text().replace(named, f'{named}\naccuracy = "geometry.accuracy.toml"'))
        return process(bench)

    found = []
    for old, values in ACCURACY_LINES.items():
        found += [(value, functools.partial(spoil, ACCURACY.replace(old, value))) for value in values]
    return numbered("accuracy", found, "geometry.accuracy.toml")


def _logbooks() -> list[Case]:
    def spoil(make: object, bench: Bench) -> list[object]:
        path = bench.folder / "logbook.toml"
        make(path) if callable(make) else path.write_text(str(make))
        return ["logbook", bench.run(), "--config", path]

    makes: dict[str, object] = {**LOGBOOKS, **NO_FILES}
    return numbered("logbook", [(name, functools.partial(spoil, make)) for name, make in makes.items()], "logbook.toml")
