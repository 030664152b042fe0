"""Ions, gaps and osmoles."""


def calcium_correction(calcium_mg_dl: float, albumin_g_dl: float) -> float:
    """Calcium at an albumin of 4 g/dL, mg/dL (Payne et al., BMJ 1973)."""
    return calcium_mg_dl + 0.8 * (4.0 - albumin_g_dl)


def sodium_correction(sodium_meq_l: float, glucose_mg_dl: float) -> float:
    """Sodium at a glucose of 100 mg/dL, mEq/L: 2.4 mEq/L for each 100 mg/dL above (Hillier et al., Am J Med 1999)."""
    return sodium_meq_l + 0.024 * (glucose_mg_dl - 100)


def serum_osmolality(sodium_meq_l: float, glucose_mg_dl: float, bun_mg_dl: float) -> float:
    """Calculated osmolality, mOsm/kg (Dorwart and Chalmers, Clin Chem 1975)."""
    return 2 * sodium_meq_l + glucose_mg_dl / 18 + bun_mg_dl / 2.8


def anion_gap(sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float) -> float:
    """The anion gap without potassium, mEq/L (Emmett and Narins, Medicine 1977)."""
    return sodium_meq_l - chloride_meq_l - bicarbonate_meq_l


def delta_gap(sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float) -> float:
    """How far the anion gap lies above 12 mEq/L, mEq/L (Wrenn, Ann Emerg Med 1990)."""
    return sodium_meq_l - chloride_meq_l - bicarbonate_meq_l - 12


def delta_ratio(sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float) -> float:
    """The rise of the anion gap above 12 over the fall of bicarbonate below 24 (Rastegar, J Am Soc Nephrol 2007)."""
    return (sodium_meq_l - chloride_meq_l - bicarbonate_meq_l - 12) / (24 - bicarbonate_meq_l)


def albumin_corrected_anion_gap(
    sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float, albumin_g_dl: float
) -> float:
    """The anion gap at an albumin of 4 g/dL, mEq/L: 2.5 for each g/dL below (Figge et al., Crit Care Med 1998)."""
    return sodium_meq_l - chloride_meq_l - bicarbonate_meq_l + 2.5 * (4.0 - albumin_g_dl)


def albumin_corrected_delta_gap(
    sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float, albumin_g_dl: float
) -> float:
    """How far the albumin-corrected anion gap lies above 12 mEq/L, mEq/L (Figge et al. 1998, Wrenn 1990)."""
    return sodium_meq_l - chloride_meq_l - bicarbonate_meq_l + 2.5 * (4.0 - albumin_g_dl) - 12


def albumin_corrected_delta_ratio(
    sodium_meq_l: float, chloride_meq_l: float, bicarbonate_meq_l: float, albumin_g_dl: float
) -> float:
    """The delta ratio of the albumin-corrected anion gap (Figge et al. 1998, Rastegar 2007)."""
    gap = sodium_meq_l - chloride_meq_l - bicarbonate_meq_l + 2.5 * (4.0 - albumin_g_dl)
    return (gap - 12) / (24 - bicarbonate_meq_l)
