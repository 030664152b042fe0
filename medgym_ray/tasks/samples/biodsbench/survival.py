"""Survival analyses: the references use lifelines; values are computed with statsmodels, a second route."""

from collections.abc import Iterator, Mapping
from typing import Any

from medgym_ray.tasks.samples.biodsbench.problem import Problem, mapping, number
from medgym_ray.tasks.samples.biodsbench.studies import Study

_PATIENTS = 'patients = pd.read_csv("/workdir/data_clinical_patient.csv")\n'
_EVENT_HISTORY = f"""\
{_PATIENTS}
# An event is a death or a progression; statuses begin with 1 or 0
patients["DIED"] = patients["OS_STATUS"].str.startswith("1")
patients["PROGRESSED"] = patients["PFS_STATUS"].str.startswith("1")
"""
_CURVE = "from statsmodels.duration.survfunc import SurvfuncRight\n"


def _groups_history(gene: str) -> str:
    return f"""{_EVENT_HISTORY}
samples = pd.read_csv("/workdir/data_clinical_sample.csv")
mutations = pd.read_csv("/workdir/data_mutations.csv")
mutations = mutations[(mutations["Hugo_Symbol"] == "{gene}") & (mutations["Variant_Classification"] != "Silent")]
carriers = samples.loc[samples["SAMPLE_ID"].isin(mutations["Tumor_Sample_Barcode"]), "PATIENT_ID"]

# Patients with at least one non-silent {gene} mutation in any sample, and all others
mutated = patients[patients["PATIENT_ID"].isin(carriers)]
wild = patients[~patients["PATIENT_ID"].isin(carriers)]
"""


def problems(study: Study) -> Iterator[Problem]:
    """The first of each category is the one that the training split takes."""
    yield from _curves(study)
    yield from _models(study)


def _curves(study: Study) -> Iterator[Problem]:
    yield Problem(
        "survival_curves",
        f"Fit the Kaplan-Meier curve of overall survival of the patients treated with {study.arms[1]} with lifelines' "
        "KaplanMeierFitter. Save the fitted object as `curve`.",
        f"from lifelines import KaplanMeierFitter\ntreated = patients[patients['TREATMENT_ARM'] == '{study.arms[1]}']\n"
        "curve = KaplanMeierFitter()\ncurve.fit(treated['OS_MONTHS'], event_observed=treated['DIED'])\n",
        _curve_tests,
        history=_EVENT_HISTORY,
        route=f"{_CURVE}treated = patients[patients['TREATMENT_ARM'] == '{study.arms[1]}']\n"
        "estimate = SurvfuncRight(treated['OS_MONTHS'], treated['DIED'].astype(int))\n"
        "median, died, last = estimate.quantile(0.5), int(treated['DIED'].sum()), estimate.surv_prob[-1]\n",
    )
    yield Problem(
        "survival_curves",
        f"What share of the patients is free of progression after 10 months by the Kaplan-Meier estimate, with and "
        f"without a non-silent {study.second} mutation? Save a dict as `result` with the keys 'mutated' and 'wild'.",
        "from lifelines import KaplanMeierFitter\nresult = {}\n"
        "for key, group in (('mutated', mutated), ('wild', wild)):\n"
        "    fitter = KaplanMeierFitter().fit(group['PFS_MONTHS'], event_observed=group['PROGRESSED'])\n"
        "    result[key] = float(fitter.predict(10))\n",
        mapping("result"),
        history=_groups_history(study.second),
        route=f"{_CURVE}result = {{}}\nfor key, group in (('mutated', mutated), ('wild', wild)):\n"
        "    estimate = SurvfuncRight(group['PFS_MONTHS'], group['PROGRESSED'].astype(int))\n"
        "    result[key] = estimate.surv_prob[estimate.surv_times <= 10][-1]\n",
    )


def _models(study: Study) -> Iterator[Problem]:
    yield Problem(
        "survival_models",
        f"Compare the overall survival of patients with and without a non-silent {study.driver} mutation by the "
        "log-rank test. Save the p-value as `pvalue`.",
        "from lifelines.statistics import logrank_test\n"
        "pvalue = logrank_test(\n    mutated['OS_MONTHS'], wild['OS_MONTHS'],\n"
        "    event_observed_A=mutated['DIED'], event_observed_B=wild['DIED'],\n).p_value\n",
        number("pvalue", 1e-5),
        history=_groups_history(study.driver),
        route="from statsmodels.duration.survfunc import survdiff\nboth = pd.concat([mutated, wild])\n"
        "is_mutated = both['PATIENT_ID'].isin(mutated['PATIENT_ID'])\n"
        "_, pvalue = survdiff(both['OS_MONTHS'], both['DIED'].astype(int), is_mutated)\n",
    )
    yield Problem(
        "survival_models",
        f"Fit a Cox proportional hazards model of overall survival (no penalty) on three covariates: age in decades "
        f"(AGE / 10), advanced disease (stage III or IV, 0 or 1) and treatment with {study.arms[1]} (0 or 1). Save a "
        "dict (or a series) of the hazard ratios as `result` with the keys DECADES, ADVANCED and TREATED.",
        "from lifelines import CoxPHFitter\n"
        f"{_covariates(study)}model = CoxPHFitter().fit(data, 'OS_MONTHS', event_col='DIED')\n"
        "result = {key: float(value) for key, value in model.hazard_ratios_.items()}\n",
        mapping("result", 1e-3),
        history=_EVENT_HISTORY,
        route="import numpy as np\nfrom statsmodels.duration.hazard_regression import PHReg\n"
        f"{_covariates(study)}names = ['DECADES', 'ADVANCED', 'TREATED']\n"
        "model = PHReg(data['OS_MONTHS'], data[names], status=data['DIED'], ties='efron').fit(disp=0)\n"
        "result = dict(zip(names, np.exp(model.params)))\n",
    )


def _covariates(study: Study) -> str:
    return (
        "data = pd.DataFrame({\n    'DECADES': patients['AGE'] / 10,\n"
        "    'ADVANCED': patients['STAGE'].isin(['III', 'IV']).astype(float),\n"
        f"    'TREATED': (patients['TREATMENT_ARM'] == '{study.arms[1]}').astype(float),\n"
        "    'OS_MONTHS': patients['OS_MONTHS'],\n    'DIED': patients['DIED'].astype(int),\n})\n"
    )


def _curve_tests(values: Mapping[str, Any]) -> str:
    median, last = (float(f"{values[name]:.9g}") for name in ("median", "last"))
    return (
        f"assert abs(curve.median_survival_time_ - {median!r}) <= 1e-06\n"
        f"assert curve.event_observed.sum() == {values['died']}\n"
        f"assert abs(curve.survival_function_.iloc[-1, 0] - {last!r}) <= 1e-06\n"
    )
