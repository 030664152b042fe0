"""Point scores of liver, brain, gut and comorbidity."""


def child_pugh(bilirubin_mg_dl: float, albumin_g_dl: float, inr: float, ascites: int, encephalopathy: int) -> int:
    """Child and Turcotte's score as modified by Pugh (Br J Surg 1973); ascites and encephalopathy come as 1, 2 or 3."""
    bilirubin = 1 if bilirubin_mg_dl < 2 else 2 if bilirubin_mg_dl <= 3 else 3
    albumin = 1 if albumin_g_dl > 3.5 else 2 if albumin_g_dl >= 2.8 else 3
    clotting = 1 if inr < 1.7 else 2 if inr <= 2.3 else 3
    return bilirubin + albumin + clotting + ascites + encephalopathy


def glasgow_coma_score(eyes: int, verbal: int, motor: int) -> int:
    """The sum of the three responses (Teasdale and Jennett, Lancet 1974)."""
    return eyes + verbal + motor


def glasgow_blatchford(
    bun_mg_dl: float,
    hemoglobin_g_dl: float,
    male: bool,
    systolic_mm_hg: float,
    heart_rate: float,
    melena: bool,
    syncope: bool,
    hepatic_disease: bool,
    cardiac_failure: bool,
) -> int:
    """The Glasgow-Blatchford score (Blatchford et al., Lancet 2000)."""
    urea = sum(points for above, points in ((18.2, 2), (22.4, 1), (28, 1), (70, 2)) if bun_mg_dl >= above)
    if male:
        blood = 6 if hemoglobin_g_dl < 10 else 3 if hemoglobin_g_dl < 12 else 1 if hemoglobin_g_dl < 13 else 0
    else:
        blood = 6 if hemoglobin_g_dl < 10 else 1 if hemoglobin_g_dl < 12 else 0
    pressure = sum(systolic_mm_hg < below for below in (90, 100, 110))
    return urea + blood + pressure + (heart_rate >= 100) + melena + 2 * (syncope + hepatic_disease + cardiac_failure)


def charlson(
    age: float, one_point: dict[str, bool], diabetes: int, liver: int, solid_tumor: int, two_points: int, aids: bool
) -> int:
    """Charlson's comorbidity index with age (Charlson et al., J Chronic Dis 1987; J Clin Epidemiol 1994).

    `diabetes`, `liver` and `solid_tumor` come as the points of their grade; `two_points` is the number of
    hemiplegia, chronic kidney disease, leukemia and lymphoma.
    """
    decades = min(max(int(age // 10) - 4, 0), 4)
    return decades + sum(one_point.values()) + diabetes + liver + solid_tumor + 2 * two_points + 6 * aids
