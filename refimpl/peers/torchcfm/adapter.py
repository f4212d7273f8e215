"""torchcfm: conditional flow matchers without a width, as paths between noise and data.

data-time: t = 1 − (noise level), x0 is noise, x1 is data
"""

from importlib.metadata import version
from typing import Any

from ..installed import library
from ..judging import Facts, deviations


class TorchCFM:
    """The library, for its facts."""

    name = "torchcfm"

    def __init__(self) -> None:
        self.module = library("torchcfm.conditional_flow_matching")
        self.distance = library("torchcfm.optimal_transport").wasserstein
        self.version = version("torchcfm")


class Matcher:
    """One of the matchers whose path is this package's when its width is 0."""

    def __init__(self, its: TorchCFM, kind: str, path: str) -> None:
        self.name = kind
        self.version = its.version
        self.conventions = {"time": "data at 1", "path": path}
        self.deviations = deviations("torchcfm", kind)
        self._matcher = getattr(its.module, kind)(sigma=0.0)

    def path(self, data: Any, noise: Any, t: Any) -> Any:
        if self.name.startswith("Target"):  # its noise is the ε of the sample
            return self._matcher.sample_xt(0 * noise, data, t, noise)
        return self._matcher.sample_xt(noise, data, t, 0 * noise)

    def velocity_target(self, data: Any, noise: Any, t: Any) -> Any:
        return self._matcher.compute_conditional_flow(noise, data, t, self.path(data, noise, t))


def everything() -> list[Any]:
    """Adapters and facts."""
    its = TorchCFM()
    kinds = {
        "ConditionalFlowMatcher": "linear",
        "TargetConditionalFlowMatcher": "linear",
        "VariancePreservingConditionalFlowMatcher": "cosine",
    }
    return [*(Matcher(its, kind, path) for kind, path in kinds.items()), Facts(its)]
