"""The same experiments with data sets of other sizes: how sure the criterion is of either model."""

import matplotlib.pyplot as plt

from adaptive_calib import BlockingRunner
from adaptive_calib.calibration import DataSizeStudy
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.runner import SequentialExecutor

study = DataSizeStudy(Infrared(24), 24, c_list=(2.0**-6, 1.0, 2.0**6), Linf=2048)
learner = study.learner((16, 4096))
BlockingRunner(learner, npoints_goal=6, executor=SequentialExecutor())

sizes = sorted(learner.extra_data)
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
for k, c in enumerate(study.c_list):
    axes.plot(sizes, [0.5 + learner.extra_data[size]["decisiveness"][k] for size in sizes], "o-", label=f"c = {c:.3g}")
axes.set(xscale="log", ylim=(0.5, 1), xlabel="points of a data set", ylabel="mean confidence")
axes.set_title("How sure is the criterion of either model?", fontsize=10)
axes.legend(loc="lower center", ncols=3)
figure.savefig("data_size_study.png", dpi=90)
plt.close(figure)
