"""Every line of every proof as lemmas of the proof assistant Coq, and what `coqc` says of them.

    raw.py           expressions differentiated and put in without being simplified
    plain.py         a line in coordinates, unevaluated, and the steps of calculus in it
    moments.py       means over ε ~ N(0, 1)
    branches.py      which argument of a minimum it is at a point
    terms.py         expressions as terms of Coq
    conditions.py    what a lemma assumes
    hints.py         the laws of exp, ln and sqrt that its proof uses
    lemmas.py        a line as a lemma
    moving.py        the functions in a derivative, and which of their arguments move
    derivatives.py   a derivative as a lemma
    quotients.py     limits of quotients whose two sides vanish
    limits.py        a limit as a lemma
    calculus.py      a mean or an integral as a lemma; any step of calculus
    claims.py        all lines of all derivations
    compiling.py     `coqc`, and what the proofs assume
    verdicts.py      what Coq said, bound to hashes
    theories/        the definitions and tactics, and the theorems about real functions

`python -m derivations.coq.certify` runs it all; `checked(id)` says what a page may say.
"""

from .claims import Claim
from .verdicts import Checked, Row, checked, table

__all__ = ["Checked", "Claim", "Row", "checked", "table"]
