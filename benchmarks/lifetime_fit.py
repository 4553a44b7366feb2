"""How fast buy-till-you-die models are fitted to a million customers, against one bare pass.

The customers are drawn from the models' own story with the parameters published for CDNOW (Fader,
Hardie, Lee 2005; Fader, Hardie 2005): they came within two years, on whole days, as a shop's
summaries have them (rounding moves the estimates a little). The product's own path: equal customers counted, then the maximum likelihood
with standard errors. The baseline: what the likelihood costs once, as it is written, over all of
them. ``off`` is the farthest estimate from the parameters drawn from, in standard errors. One line
of JSON a model; the figure of the issue, 5 s, is that of BG/NBD.
"""

import json
import sys
import time

import numpy as np

from benchmarks.sizes import QUICK
from kaquan.insight.lifetime import BgNbd, Histories, ParetoNbd
from kaquan.insight.lifetime.history import Floats
from kaquan.insight.lifetime.rows import gather_rows

CUSTOMERS = 20_000 if QUICK else 1_000_000
DAYS = 730
SEED = 20260101
TRUTH = {
    "BG/NBD": (0.2426, 4.4135, 0.7929, 2.4258),
    "MBG/NBD": (0.6371, 7.3103, 0.8075, 1.2284),
    "Pareto/NBD": (0.5533, 10.578, 0.6062, 11.668),
}
MODELS = (BgNbd(), BgNbd(modified=True), ParetoNbd())


def main() -> None:
    """Fit each model and print."""
    for model in MODELS:
        histories = draw(model, np.random.default_rng(SEED))
        plain = gather_rows(histories, group=False)
        started = time.perf_counter()
        model.log_likelihood(np.array(TRUTH[model.name]), plain)
        baseline = time.perf_counter() - started
        started, worked = time.perf_counter(), time.process_time()
        fit = model.fit(histories)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
        errors = np.array(list(fit.standard_errors.values()))
        off = np.abs((fit.values - np.array(TRUTH[model.name])) / errors)
        result = {
            "name": "lifetime_fit",
            "model": model.name,
            "value": round(seconds, 3),
            "baseline": round(baseline, 3),
            "ratio": round(seconds / baseline, 2),
            "unit": "s",
            "processor_s": round(worked, 3),
            "customers": CUSTOMERS,
            "different": len(gather_rows(histories).weight),
            "estimates": {name: round(value, 4) for name, value in fit.parameters.items()},
            "off": round(float(off.max()), 2),
            "problem": fit.problem,
            "seed": SEED,
        }
        sys.stdout.write(json.dumps(result) + "\n")


def draw(model: BgNbd | ParetoNbd, random: np.random.Generator) -> Histories:
    """Draw customers' lives purchase by purchase, all customers at once, to whole days."""
    r, alpha, third, fourth = TRUTH[model.name]
    age = random.integers(1, DAYS + 1, CUSTOMERS).astype(np.float64)
    rate = random.gamma(r, 1 / alpha, CUSTOMERS) / 7
    frequency, last = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    clock, end, here = np.zeros(CUSTOMERS), age.copy(), np.ones(CUSTOMERS, dtype=bool)
    leaving: Floats = np.zeros(CUSTOMERS)
    if isinstance(model, ParetoNbd):
        days = random.exponential(1 / random.gamma(third, 1 / fourth, CUSTOMERS)) * 7
        end = np.minimum(end, days)
    else:
        leaving = random.beta(third, fourth, CUSTOMERS)
        here = random.random(CUSTOMERS) >= leaving if model.modified else here
    while here.any():
        who = np.flatnonzero(here)
        clock[who] += random.exponential(1 / rate[who])
        bought = who[clock[who] <= end[who]]
        here[who] = False
        frequency[bought] += 1
        last[bought] = clock[bought]
        here[bought] = random.random(len(bought)) >= leaving[bought]
    return Histories(
        customer=np.arange(CUSTOMERS),
        frequency=frequency,
        recency=np.where(frequency > 0, np.clip(np.rint(last), 1, age), 0) / 7,
        age=age / 7,
        monetary=np.zeros(CUSTOMERS),
        first_day=np.zeros(CUSTOMERS, dtype=np.int64),
    )


if __name__ == "__main__":
    main()
