"""Pressure and the QT interval. Rates in beats per minute, intervals in milliseconds."""


def mean_arterial_pressure(systolic_mm_hg: float, diastolic_mm_hg: float) -> float:
    """A third of systole and two thirds of diastole, mm Hg (Gauer 1960)."""
    return (systolic_mm_hg + 2 * diastolic_mm_hg) / 3


def qtc_bazett(qt_msec: float, heart_rate: float) -> float:
    """QT over the square root of the RR interval in seconds (Bazett, Heart 1920)."""
    import math

    return qt_msec / math.sqrt(60 / heart_rate)


def qtc_fridericia(qt_msec: float, heart_rate: float) -> float:
    """QT over the cube root of the RR interval in seconds (Fridericia, Acta Med Scand 1920)."""
    return float(qt_msec / (60 / heart_rate) ** (1 / 3))


def qtc_framingham(qt_msec: float, heart_rate: float) -> float:
    """QT and 154 ms for each second that RR falls short of one (Sagie et al., Am J Cardiol 1992)."""
    return qt_msec + 154 * (1 - 60 / heart_rate)


def qtc_hodges(qt_msec: float, heart_rate: float) -> float:
    """QT and 1.75 ms for each beat above 60 (Hodges et al., J Am Coll Cardiol 1983)."""
    return qt_msec + 1.75 * (heart_rate - 60)


def qtc_rautaharju(qt_msec: float, heart_rate: float) -> float:
    """QT times (120 + rate) / 180 (Rautaharju et al., J Electrocardiol 1993)."""
    return qt_msec * (120 + heart_rate) / 180
