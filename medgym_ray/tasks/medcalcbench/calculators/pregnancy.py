"""Dates of a pregnancy. Dates come and go as M/D/YYYY, which is how the benchmark writes them."""


def due_date(last_period: str, cycle_days: int) -> str:
    """Naegele's rule: 280 days from the last menstrual period, moved by what the cycle differs from 28 days.

    ACOG Committee Opinion 700 (2017).
    """
    from datetime import date, timedelta

    month, day, year = map(int, last_period.split("/"))
    due = date(year, month, day) + timedelta(days=280 + cycle_days - 28)
    return due.strftime("%m/%d/%Y")


def conception_date(last_period: str, cycle_days: int) -> str:
    """Ovulation, two weeks before the next period is due (Wilcox et al., N Engl J Med 1995)."""
    from datetime import date, timedelta

    month, day, year = map(int, last_period.split("/"))
    conceived = date(year, month, day) + timedelta(days=cycle_days - 14)
    return conceived.strftime("%m/%d/%Y")


def gestational_age(last_period: str, current_date: str) -> tuple[int, int]:
    """Completed weeks and days since the last menstrual period (ACOG Committee Opinion 700, 2017)."""
    from datetime import date

    (month, day, year), (now_month, now_day, now_year) = (map(int, s.split("/")) for s in (last_period, current_date))
    return divmod((date(now_year, now_month, now_day) - date(year, month, day)).days, 7)
