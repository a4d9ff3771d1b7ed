"""train_libmf.py LIBRARY FILE FACTORS...: how many ratings x epochs a second libmf trains on, one thread.

LIBRARY: as libmf.sh builds it. FILE: entries of uint32 user, uint32 item, float32 rating, as bench_train wrote them. An epoch's time is a tenth of
what 10 more take, so that laying out the ratings does not count. Prints for each FACTORS, on one line, millions a second: the median of REPEATS (9)."""
import ctypes
import os
import statistics
import sys
import time

import numpy as np


class Parameters(ctypes.Structure):
    """struct mf_parameter of mf.h, libmf 0.9.2"""

    _fields_ = (
        [(name, ctypes.c_int) for name in ("loss", "factors", "threads", "bins", "epochs")]
        + [(name, ctypes.c_float) for name in ("lambda_p1", "lambda_p2", "lambda_q1", "lambda_q2", "rate")]
        + [(name, ctypes.c_bool) for name in ("nonnegative", "quiet", "copy")]
    )


entry = np.dtype([("user", np.uint32), ("item", np.uint32), ("value", np.float32)])
entries = np.fromfile(sys.argv[2], entry)
triples = np.stack([entries[name].astype(np.float32) for name in entry.names], axis=1).copy()
floats = ctypes.POINTER(ctypes.c_float)
fit = ctypes.CDLL(sys.argv[1]).fit_interface
fit.argtypes = ctypes.c_int, floats, ctypes.POINTER(Parameters)
fit.restype = ctypes.c_void_p


def seconds(factors, epochs):
    parameters = Parameters(0, factors, 1, 20, epochs, 0, 0.05, 0, 0.05, 0.1, False, True, True)
    start = time.process_time()
    fit(len(triples), triples.ctypes.data_as(floats), parameters)
    return time.process_time() - start


medians = []
for factors in map(int, sys.argv[3:]):
    rates = [1e-5 * len(triples) / (seconds(factors, 12) - seconds(factors, 2)) for _ in range(int(os.environ.get("REPEATS") or 9))]
    medians.append(statistics.median(rates))
print(*medians)
