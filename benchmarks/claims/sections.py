"""The claims in the order of the page."""

from benchmarks.claims import cells, gradients, hello, memory, tasks
from benchmarks.claims.claim import Claim

SECTIONS: dict[str, list[Claim]] = {
    module.TITLE: module.CLAIMS for module in (cells, hello, gradients, memory, tasks)
}
