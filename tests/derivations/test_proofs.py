"""Every derivation, on the functions that run: each equality proved, each neighbour refuted."""

import pytest

from derivations.run import load, prove
from refimpl.equations import equations


@pytest.mark.parametrize("id", load())
def test_proof_holds_and_its_neighbours_fall(id):
    proof = prove(load()[id])
    assert not proof.problems, "\n".join(proof.problems)
    assert proof.controls, (
        "a proof without a refuted neighbour shows nothing about its own strength"
    )
    assert set(proof.uses) <= set(equations())


def test_every_equivalent_neighbour_that_is_listed_exists():
    for d in load().values():
        listed = set(d.equivalent)
        if listed:
            found = {c.source for c in prove(d).controls}
            assert listed <= found, (
                f"{d.id} lists neighbours that no longer exist: {listed - found}"
            )
