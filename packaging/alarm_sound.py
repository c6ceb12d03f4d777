"""The sound of an alarm, made anew: python packaging/alarm_sound.py writes resources/sounds/alarm.wav.

Three times two tones, a fifth apart and high enough to carry through the fans of a hutch.
"""

import io
import math
import struct
import wave
from pathlib import Path

RATE_HZ = 22_050
TONES_HZ = (784.0, 1175.0)
TONE_S, REST_S, RISE_S = 0.11, 0.09, 0.008
LOUDNESS = 0.6
PLACE = Path(__file__).parents[1] / "resources" / "sounds" / "alarm.wav"


def sound() -> bytes:
    bar = [sample for tone in TONES_HZ for sample in _tone(tone)] + [0.0] * int(REST_S * RATE_HZ)
    samples = [round(32_767 * LOUDNESS * sample) for sample in bar * 3]
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return held.getvalue()


def _tone(frequency_hz: float) -> list[float]:
    """One tone that rises and falls softly: an abrupt one clicks."""
    count = int(TONE_S * RATE_HZ)
    rise = RISE_S * RATE_HZ
    return [
        math.sin(2.0 * math.pi * frequency_hz * n / RATE_HZ) * min(1.0, n / rise, (count - n) / rise)
        for n in range(count)
    ]


if __name__ == "__main__":
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_bytes(sound())
