"""Body size and what follows from it."""


def body_mass_index(weight_kg: float, height_cm: float) -> float:
    """Quetelet's index: weight over height squared, kg/m² (Keys et al., J Chronic Dis 1972)."""
    return weight_kg / (height_cm / 100) ** 2


def ideal_body_weight(male: bool, height_cm: float) -> float:
    """Devine's formula, kg (Drug Intell Clin Pharm 1974): 50 or 45.5 kg and 2.3 kg per inch above five feet."""
    return (50.0 if male else 45.5) + 2.3 * (height_cm / 2.54 - 60)


def adjusted_body_weight(male: bool, height_cm: float, weight_kg: float) -> float:
    """Devine's ideal weight and two fifths of what lies above it, kg (Bauer et al., Eur J Clin Pharmacol 1983)."""
    ideal = (50.0 if male else 45.5) + 2.3 * (height_cm / 2.54 - 60)
    return ideal + 0.4 * (weight_kg - ideal)


def body_surface_area(weight_kg: float, height_cm: float) -> float:
    """Mosteller's formula, m² (N Engl J Med 1987)."""
    import math

    return math.sqrt(weight_kg * height_cm / 3600)


def target_weight(bmi: float, height_cm: float) -> float:
    """Quetelet's index solved for the weight, kg."""
    return bmi * (height_cm / 100) ** 2


def maintenance_fluids(weight_kg: float) -> float:
    """The 4-2-1 rule, mL/h (Holliday and Segar, Pediatrics 1957)."""
    first = min(weight_kg, 10)
    second = min(max(weight_kg - 10, 0), 10)
    rest = max(weight_kg - 20, 0)
    return 4 * first + 2 * second + rest
