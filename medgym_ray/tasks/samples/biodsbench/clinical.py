"""Analyses of patients and samples alone."""

from collections.abc import Iterator

from medgym_ray.tasks.samples.biodsbench.problem import Problem, both, labels, mapping, number, rows, sequence
from medgym_ray.tasks.samples.biodsbench.studies import Study

_PATIENTS = 'patients = pd.read_csv("/workdir/data_clinical_patient.csv")\n'
_SAMPLES = 'samples = pd.read_csv("/workdir/data_clinical_sample.csv")\n'
_LATE_HISTORY = f"""\
{_PATIENTS}
# Advanced disease is stage III or IV
patients["ADVANCED"] = patients["STAGE"].isin(["III", "IV"])
advanced = patients[patients["ADVANCED"]]
"""


def problems(study: Study) -> Iterator[Problem]:
    """The first of each category is the one that the training split takes."""
    yield from _descriptions(study)
    yield from _cohorts(study)
    yield from _tables(study)
    yield from _comparisons(study)
    yield from _correlations()


def _descriptions(study: Study) -> Iterator[Problem]:
    yield Problem(
        "descriptive_statistics",
        "How many patients fall into each combination of sex and smoking history? Leave out patients whose smoking "
        "history is missing. Save a dict (or a series) as `result` whose keys are texts such as 'Female, Former' and "
        "whose values are the numbers of patients.",
        f"{_PATIENTS}known = patients.dropna(subset=['SMOKING_HISTORY'])\n"
        "keys = known['SEX'] + ', ' + known['SMOKING_HISTORY']\nresult = keys.value_counts().to_dict()\n",
        mapping("result"),
    )
    yield Problem(
        "descriptive_statistics",
        f"What is the interquartile range of BMI (75th minus 25th percentile, linear interpolation) in each treatment "
        f"arm among the patients of at least {study.age - 8} years? Save a dict (or a series) from arm to range as "
        "`result`.",
        f"import pandas as pd\n{_PATIENTS}older = patients[patients['AGE'] >= {study.age - 8}]\n"
        "quartiles = older.groupby('TREATMENT_ARM')['BMI'].quantile([0.25, 0.75]).unstack()\n"
        "result = (quartiles[0.75] - quartiles[0.25]).to_dict()\n",
        mapping("result"),
    )


def _cohorts(study: Study) -> Iterator[Problem]:
    yield Problem(
        "cohort_selection",
        f"Which patients with advanced disease, as defined in the program above, were treated with "
        f"{study.arms[0]} and responded (best response CR or PR)? Save their ids as a list named `result`, ordered by "
        "age from the oldest to the youngest, and by id where the age is the same.",
        f"treated = advanced[advanced['TREATMENT_ARM'] == '{study.arms[0]}']\n"
        "responders = treated[treated['BEST_RESPONSE'].isin(['CR', 'PR'])]\n"
        "responders = responders.sort_values(['AGE', 'PATIENT_ID'], ascending=[False, True])\n"
        "result = responders['PATIENT_ID'].tolist()\n",
        sequence("result"),
        history=_LATE_HISTORY,
    )
    yield Problem(
        "cohort_selection",
        "Select the samples whose tumour purity lies below the median purity of their own sample type (primary or "
        "metastasis) and that were sequenced with the larger gene panel, P410. Save their ids as a list named "
        "`result`.",
        f"{_SAMPLES}median = samples.groupby('SAMPLE_TYPE')['TUMOR_PURITY'].transform('median')\n"
        "low = samples[(samples['TUMOR_PURITY'] < median) & (samples['GENE_PANEL'] == 'P410')]\n"
        "result = low['SAMPLE_ID'].tolist()\n",
        labels("result"),
    )


def _tables(study: Study) -> Iterator[Problem]:
    yield Problem(
        "table_reshaping",
        "Cross stage with best response: make a DataFrame `table` with the columns STAGE, CR, PR, SD and PD, one row "
        "for each stage, that holds the number of patients.",
        f"{_PATIENTS}table = pd.crosstab(patients['STAGE'], patients['BEST_RESPONSE'])\n"
        "table = table.reindex(columns=['CR', 'PR', 'SD', 'PD'], fill_value=0).reset_index()\n",
        rows("table", ["STAGE", "CR", "PR", "SD", "PD"]),
    )
    yield Problem(
        "table_reshaping",
        f"Join the metastases to their patients. The DataFrame `table` shall have the columns SAMPLE_ID, STAGE and "
        f"PURITY_SHIFT, one row for each metastasis of a patient treated with {study.arms[1]}; PURITY_SHIFT is the "
        "sample's tumour purity minus the mean purity of all primary samples of the study. Order the rows by "
        "PURITY_SHIFT, the greatest first, and by SAMPLE_ID where it is the same.",
        f"{_PATIENTS}{_SAMPLES}primary = samples.loc[samples['SAMPLE_TYPE'] == 'Primary', 'TUMOR_PURITY'].mean()\n"
        "metastases = samples[samples['SAMPLE_TYPE'] == 'Metastasis'].merge(patients, on='PATIENT_ID')\n"
        f"table = metastases[metastases['TREATMENT_ARM'] == '{study.arms[1]}'].copy()\n"
        "table['PURITY_SHIFT'] = table['TUMOR_PURITY'] - primary\n"
        "table = table.sort_values(['PURITY_SHIFT', 'SAMPLE_ID'], ascending=[False, True])\n"
        "table = table[['SAMPLE_ID', 'STAGE', 'PURITY_SHIFT']]\n",
        rows("table", ["SAMPLE_ID", "STAGE", "PURITY_SHIFT"], ordered=True),
    )


def _comparisons(study: Study) -> Iterator[Problem]:
    yield Problem(
        "group_comparison",
        f"Compare the age of the patients treated with {study.arms[0]} and {study.arms[1]} by a two-sided "
        "Mann-Whitney U test (scipy's defaults, asymptotic method). Save the p-value as `pvalue`.",
        f"from scipy.stats import mannwhitneyu\n{_PATIENTS}"
        f"first, second = (patients.loc[patients['TREATMENT_ARM'] == arm, 'AGE'] for arm in {study.arms!r})\n"
        "pvalue = mannwhitneyu(first, second, alternative='two-sided', method='asymptotic').pvalue\n",
        number("pvalue"),
    )
    yield Problem(
        "group_comparison",
        "Is response (best response CR or PR against SD or PD) associated with advanced disease, as defined in the "
        "program above? Use Fisher's exact test, two-sided. Save the sample odds ratio of responding in advanced "
        "against other disease as `result` and the p-value as `pvalue`.",
        "from scipy.stats import fisher_exact\nresponse = patients['BEST_RESPONSE'].isin(['CR', 'PR'])\n"
        "late = patients['ADVANCED']\n"
        "counts = [[(late & response).sum(), (late & ~response).sum()],\n"
        "          [(~late & response).sum(), (~late & ~response).sum()]]\n"
        "result, pvalue = fisher_exact(counts)\n",
        both(number("result"), number("pvalue")),
        history=_LATE_HISTORY,
    )


def _correlations() -> Iterator[Problem]:
    yield Problem(
        "correlation",
        "How do age and overall survival correlate among the patients who died (OS_STATUS 1:DECEASED)? Save Pearson's "
        "coefficient as `result` and its two-sided p-value as `pvalue`.",
        f"from scipy.stats import pearsonr\n{_PATIENTS}dead = patients[patients['OS_STATUS'] == '1:DECEASED']\n"
        "result, pvalue = pearsonr(dead['AGE'], dead['OS_MONTHS'])\n",
        both(number("result"), number("pvalue")),
    )
    yield Problem(
        "correlation",
        "Compute Spearman's rank correlation of tumour purity and ploidy within each gene panel, over all samples. "
        "Save a dict (or a series) from panel to coefficient as `result`.",
        f"from scipy.stats import spearmanr\n{_SAMPLES}result = {{\n"
        "    panel: float(spearmanr(group['TUMOR_PURITY'], group['PLOIDY'])[0])\n"
        "    for panel, group in samples.groupby('GENE_PANEL')\n}\n",
        mapping("result"),
    )
