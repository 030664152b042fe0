"""Analyses of mutations, copy numbers and structural variants."""

from collections.abc import Iterator

from medgym_ray.tasks.samples.biodsbench.problem import Problem, labels, mapping, number, rows
from medgym_ray.tasks.samples.biodsbench.studies import PANELS, Study

_PATIENTS = 'patients = pd.read_csv("/workdir/data_clinical_patient.csv")\n'
_SAMPLES = 'samples = pd.read_csv("/workdir/data_clinical_sample.csv")\n'
_MUTATIONS = 'mutations = pd.read_csv("/workdir/data_mutations.csv")\n'
_COPIES = 'copies = pd.read_csv("/workdir/data_cna.csv")\n'
_VARIANTS = 'variants = pd.read_csv("/workdir/data_sv.csv")\n'
_NON_SILENT = "mutations = mutations[mutations['Variant_Classification'] != 'Silent']\n"
_BY_PATIENT = "mutations = mutations.merge(samples, left_on='Tumor_Sample_Barcode', right_on='SAMPLE_ID')\n"
_BURDEN_HISTORY = f"""\
{_SAMPLES}{_MUTATIONS}
# Mutations per megabase: all but the silent ones, over what the sample's panel covers
panel_mb = {PANELS!r}
counts = mutations[mutations["Variant_Classification"] != "Silent"].groupby("Tumor_Sample_Barcode").size()
samples["TMB"] = samples["SAMPLE_ID"].map(counts).fillna(0) / samples["GENE_PANEL"].map(panel_mb)
"""
_LONG_HISTORY = f"""\
{_COPIES}
# One row for each gene and sample: 2 is an amplification, -2 a deep deletion
calls = copies.melt(id_vars=["Hugo_Symbol"], var_name="SAMPLE_ID", value_name="CALL")
"""


def problems(study: Study) -> Iterator[Problem]:
    """The first of each category is the one that the training split takes."""
    yield from _frequencies(study)
    yield from _burdens()
    yield from _matrices(study)
    yield from _copy_numbers()
    yield from _structural_variants(study)


def _frequencies(study: Study) -> Iterator[Problem]:
    yield Problem(
        "mutation_frequency",
        "Which six genes are mutated in the most patients? Count a patient once per gene, and only mutations that are "
        "not silent. Make a DataFrame `table` with the columns Hugo_Symbol and SHARE, the share of all patients of the "
        "study as a fraction between 0 and 1; order it by SHARE, the greatest first, and by Hugo_Symbol where it is "
        "the same.",
        f"{_PATIENTS}{_SAMPLES}{_MUTATIONS}{_NON_SILENT}{_BY_PATIENT}"
        "table = (mutations.groupby('Hugo_Symbol')['PATIENT_ID'].nunique() / len(patients)).reset_index(name='SHARE')\n"
        "table = table.sort_values(['SHARE', 'Hugo_Symbol'], ascending=[False, True]).head(6)\n",
        rows("table", ["Hugo_Symbol", "SHARE"], ordered=True),
    )
    yield Problem(
        "mutation_frequency",
        f"Which share of the {study.second} mutations of each variant classification has a variant allele fraction "
        "(t_alt_count over t_alt_count plus t_ref_count) of more than 0.2? Save a dict (or a series) from "
        "classification to fraction as `result`; leave out classifications that do not occur in this gene.",
        f"{_MUTATIONS}gene = mutations[mutations['Hugo_Symbol'] == '{study.second}'].copy()\n"
        "gene['HIGH'] = gene['t_alt_count'] / (gene['t_alt_count'] + gene['t_ref_count']) > 0.2\n"
        "result = gene.groupby('Variant_Classification')['HIGH'].mean().to_dict()\n",
        mapping("result"),
    )


def _burdens() -> Iterator[Problem]:
    yield Problem(
        "mutation_burden",
        "Give the tumour mutational burden of every sample, also of those without a mutation, as defined in the "
        "program above: a DataFrame `table` with the columns SAMPLE_ID and TMB_Z, the burden as a z-score over all "
        "samples (sample standard deviation).",
        "scores = (samples['TMB'] - samples['TMB'].mean()) / samples['TMB'].std()\n"
        "table = pd.DataFrame({'SAMPLE_ID': samples['SAMPLE_ID'], 'TMB_Z': scores})\n",
        rows("table", ["SAMPLE_ID", "TMB_Z"]),
        history=_BURDEN_HISTORY,
    )
    yield Problem(
        "mutation_burden",
        "Take for each patient the sample with the highest mutational burden, as defined in the program above. By how "
        "much does the mean of these burdens differ between responders (best response CR or PR) and all other "
        "patients? Save responders minus others as `result`.",
        f"{_PATIENTS}highest = patients['PATIENT_ID'].map(samples.groupby('PATIENT_ID')['TMB'].max())\n"
        "responded = patients['BEST_RESPONSE'].isin(['CR', 'PR'])\n"
        "result = highest[responded].mean() - highest[~responded].mean()\n",
        number("result"),
        history=_BURDEN_HISTORY,
    )


def _matrices(study: Study) -> Iterator[Problem]:
    genes = sorted((study.driver, study.second, "TP53"))
    yield Problem(
        "alteration_matrix",
        f"Prepare the data of an oncoprint of {', '.join(genes)}: a DataFrame `table` with the columns PATIENT_ID, "
        f"{', '.join(genes)} and one row for each patient of the study, also without any alteration. A cell is 1 where "
        "a sample of the patient has a mutation of the gene that is not silent, else 0.",
        f"{_PATIENTS}{_SAMPLES}{_MUTATIONS}{_NON_SILENT}{_BY_PATIENT}genes = {genes!r}\n"
        "table = patients[['PATIENT_ID']].copy()\nfor gene in genes:\n"
        "    carriers = mutations.loc[mutations['Hugo_Symbol'] == gene, 'PATIENT_ID']\n"
        "    table[gene] = table['PATIENT_ID'].isin(carriers).astype(int)\n",
        rows("table", ["PATIENT_ID", *genes]),
    )
    many = sorted((study.driver, study.second, study.third, "TP53", "PIK3CA"))
    yield Problem(
        "alteration_matrix",
        f"For every two of the genes {', '.join(many)}, in how many samples are both mutated (silent mutations "
        "included)? Make a DataFrame `table` with the columns GENE_A, GENE_B and SAMPLES, GENE_A coming before GENE_B "
        "in the alphabet, one row for each pair.",
        f"from itertools import combinations\n{_MUTATIONS}genes = {many!r}\n"
        "hit = {gene: set(mutations.loc[mutations['Hugo_Symbol'] == gene, 'Tumor_Sample_Barcode']) for gene in genes}\n"
        "pairs = [(a, b, len(hit[a] & hit[b])) for a, b in combinations(genes, 2)]\n"
        "table = pd.DataFrame(pairs, columns=['GENE_A', 'GENE_B', 'SAMPLES'])\n",
        rows("table", ["GENE_A", "GENE_B", "SAMPLES"]),
    )


def _copy_numbers() -> Iterator[Problem]:
    yield Problem(
        "copy_number",
        "In how many samples is each gene amplified (copy number call 2)? Save a dict (or a series) from gene to "
        "number as `result`, without genes that are amplified nowhere.",
        "amplified = calls[calls['CALL'] == 2]\nresult = amplified['Hugo_Symbol'].value_counts().to_dict()\n",
        mapping("result"),
        history=_LONG_HISTORY,
    )
    yield Problem(
        "copy_number",
        "For each patient, count the pairs of a gene and one of the patient's samples with a call other than 0. Make a "
        "DataFrame `table` with the columns PATIENT_ID and ALTERED of the eight patients with the greatest counts, the "
        "greatest first, and by PATIENT_ID where it is the same.",
        f"{_COPIES}{_SAMPLES}altered = copies.set_index('Hugo_Symbol').ne(0).sum().rename('ALTERED')\n"
        "merged = samples.merge(altered, left_on='SAMPLE_ID', right_index=True)\n"
        "table = merged.groupby('PATIENT_ID')['ALTERED'].sum().reset_index()\n"
        "table = table.sort_values(['ALTERED', 'PATIENT_ID'], ascending=[False, True]).head(8)\n",
        rows("table", ["PATIENT_ID", "ALTERED"], ordered=True),
    )


def _structural_variants(study: Study) -> Iterator[Problem]:
    yield Problem(
        "structural_variants",
        "Which fusions recur? Count the structural variants of each pair of Site1_Hugo_Symbol and Site2_Hugo_Symbol "
        "and make a DataFrame `table` with the columns Site1_Hugo_Symbol, Site2_Hugo_Symbol and READS of the pairs "
        "that occur at least twice; READS is the sum of their split reads and paired-end reads.",
        f"{_VARIANTS}variants['READS'] = variants['Tumor_Split_Read_Count'] + variants['Tumor_Paired_End_Read_Count']\n"
        "pairs = variants.groupby(['Site1_Hugo_Symbol', 'Site2_Hugo_Symbol'])['READS'].agg(['size', 'sum'])\n"
        "table = pairs.loc[pairs['size'] >= 2, 'sum'].rename('READS').reset_index()\n",
        rows("table", ["Site1_Hugo_Symbol", "Site2_Hugo_Symbol", "READS"]),
    )
    yield Problem(
        "structural_variants",
        f"Which patients have, in any of their samples, a structural variant that involves {study.driver} at either "
        "site or is a translocation with at least 20 split reads? Save their ids as a list named `result`, each id "
        "once.",
        f"{_SAMPLES}{_VARIANTS}involved = (variants[['Site1_Hugo_Symbol', 'Site2_Hugo_Symbol']] == '{study.driver}')"
        ".any(axis=1)\n"
        "strong = (variants['Class'] == 'TRANSLOCATION') & (variants['Tumor_Split_Read_Count'] >= 20)\n"
        "hit = variants[involved | strong].merge(samples, left_on='Sample_Id', right_on='SAMPLE_ID')\n"
        "result = hit['PATIENT_ID'].unique().tolist()\n",
        labels("result"),
    )
